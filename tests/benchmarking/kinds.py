"""The kinds of calls that are measured."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarking.calls import ANTHEM_WORDS, ICARE_CODE, NO_POLICY, call_bodies
from benchmarking.load import Calls

from cds_service.fhir.resource import decode, encode

NO_POLICY_CALL = "no policy"
ICARE = "iCare 0600T"
ANTHEM = "Anthem 93799, words"
TEN = "ten orders"
UNSENT = "prefetch absent"
BARE = "iCare 0600T, no extension"  # HealthChain refuses CRD's extension of a request
CALLS = 64  # different bodies of a kind, each about a patient of its own
_TEN_CALLS = 16  # these are long
_UNADDRESSED = b'"indeterminate"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How the bodies of a kind are made, with the fake EHR's base address, and what answers have.

    All have coverage-information; `expects` is what only the right one has.
    """

    name: str
    bodies: Callable[[str], list[bytes]]
    expects: bytes = b'"not-covered"'


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            name=NO_POLICY_CALL,
            bodies=lambda _ehr: call_bodies(CALLS, NO_POLICY),
            expects=_UNADDRESSED,
        ),
        Kind(name=ICARE, bodies=lambda _ehr: call_bodies(CALLS, ICARE_CODE)),
        Kind(name=ANTHEM, bodies=lambda _ehr: call_bodies(CALLS, ANTHEM_WORDS)),
        Kind(name=TEN, bodies=lambda _ehr: call_bodies(_TEN_CALLS, ICARE_CODE, orders=10)),
        Kind(name=UNSENT, bodies=lambda ehr: call_bodies(CALLS, ICARE_CODE, ehr=ehr)),
    )
}


def every_call(ehr: str) -> dict[str, Calls]:
    """The calls of every kind."""
    calls = {
        name: Calls(bodies=kind.bodies(ehr), expects=kind.expects) for name, kind in KINDS.items()
    }
    bare = [_without_extension(body) for body in calls[ICARE].bodies]
    return {**calls, BARE: Calls(bodies=bare)}


def _without_extension(body: bytes) -> bytes:
    call = decode(body)
    return encode({name: value for name, value in call.items() if name != "extension"})
