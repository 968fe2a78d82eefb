"""The rule language: what words cost a call, and what conditions cost the start."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

from benchmarking.calls import ANTHEM_CODE, ANTHEM_WORDS, ICARE_CODE, Ordered, call_bodies

from cds_service.app import build_service
from cds_service.fhir.coding import CPT, Coding
from cds_service.policy.language.code_sets import CodePart, CodeSet
from cds_service.policy.language.expressions import ExpressionCompiler
from cds_service.settings import Settings

CONDITIONS = 10_000  # one a policy, each over a ValueSet of its own
_CALLS = 16  # different bodies of each kind
_WARM_UP = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Language:
    """Seconds: of a whole call by what is ordered, and of compiling `CONDITIONS` conditions."""

    icare_code: float
    anthem_code: float
    anthem_words: float
    compiling: float

    @property
    def ratio(self) -> float:
        """A 93799 call to a call about a covered code of the same policy's payer or the other."""
        return self.anthem_words / min(self.icare_code, self.anthem_code)


def measure_language(directory: Path, times: int) -> Language:
    """Calls that differ only in what is ordered, by turns, each with a synced record."""
    service = build_service(Settings(data_dir=str(directory)), ehr=None)
    respond = service.pipelines["order-sign-crd"].respond
    kinds = (ICARE_CODE, ANTHEM_CODE, ANTHEM_WORDS)
    bodies = {kind: call_bodies(_CALLS, kind) for kind in kinds}
    try:
        for kind in kinds:
            for number in range(_WARM_UP):
                respond(bodies[kind][number % _CALLS])
        taken = _by_turns(respond, bodies, times)
    finally:
        service.log.close()
    return Language(
        icare_code=median(taken[ICARE_CODE]),
        anthem_code=median(taken[ANTHEM_CODE]),
        anthem_words=median(taken[ANTHEM_WORDS]),
        compiling=_compiling(),
    )


def _by_turns(
    respond: Callable[[bytes], bytes], bodies: Mapping[Ordered, Sequence[bytes]], times: int
) -> dict[Ordered, list[float]]:
    taken: dict[Ordered, list[float]] = {kind: [] for kind in bodies}
    for number in range(times):
        for kind, of_kind in bodies.items():
            taken[kind].append(_timed(partial(respond, of_kind[number % _CALLS])))
    return taken


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _compiling() -> float:
    """Conditions of as many policies: alike in shape, as a payer's are, and none of them equal."""
    listed = CodePart(keys=frozenset({Coding(CPT, "0600T").key}))
    code_set = CodeSet(includes=((listed,),), covered=frozenset({CPT}))
    sources = [
        f"%indications.where(memberOf('https://policies.invalid/ValueSet/{number}|1')).exists()"
        for number in range(CONDITIONS)
    ]
    compiler = ExpressionCompiler(lambda _canonical: code_set)
    return _timed(lambda: [compiler.compile(source) for source in sources])
