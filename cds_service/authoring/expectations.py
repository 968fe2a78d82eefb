"""What a case may expect, and how what was determined differs from it."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from cds_service.crd.codes import DocPurpose
from cds_service.crd.decision.determination import Determination
from cds_service.fhir.resource import Json, JsonObject

# What is always expected; a rule of null is none.
_NEEDED = ("covered", "rule")


def _rules(determination: Determination) -> list[str]:
    return [citation.rule_id for citation in determination.citations]


def _purposes(determination: Determination) -> list[str]:
    """As a policy states them, and clients read them: `OTH` for the authorization too."""
    withpa = DocPurpose.WITH_PA
    purposes = determination.doc_purpose
    return list({DocPurpose.OTHER if purpose is withpa else purpose for purpose in purposes})


def _expiry_date(determination: Determination) -> str | None:
    last = determination.expiry_date
    return last.isoformat() if last else None


# One value, or null where there is none.
_VALUES: Mapping[str, Callable[[Determination], str | None]] = {
    "covered": lambda determination: determination.covered.value,
    "pa-needed": lambda determination: determination.pa_needed,
    "expiry-date": _expiry_date,
}
# Lists, whose order does not matter.
_LISTS: Mapping[str, Callable[[Determination], list[str]]] = {
    "rule": _rules,
    "info-needed": lambda determination: list(determination.info_needed),
    "doc-needed": lambda determination: list(determination.doc_needed),
    "doc-purpose": _purposes,
    "questionnaire": lambda determination: list(determination.questionnaires),
    "dependency": lambda determination: [other.name for other in determination.dependencies],
}
# Lists that are not of the determination itself.
_BESIDES = ("says", "proposes", "needs")
EXPECTABLE = (*_VALUES, *_LISTS, *_BESIDES)


def check_expectation(expect: Json) -> None:
    """Pass if a case expects something, and nothing that cannot be told.

    Raises:
        ValueError: it does not, or what it expects is of the wrong kind.
    """
    if not isinstance(expect, dict) or not set(_NEEDED) <= set(expect) <= set(EXPECTABLE):
        known = ", ".join(name for name in EXPECTABLE if name not in _NEEDED)
        raise ValueError(f"a case expects `covered` and `rule`, and at most {known} besides")
    for name in expect:
        if name in _VALUES and not isinstance(expect[name], str | None):
            raise ValueError(f"`{name}` is expected as a text, or null")
        if name not in _VALUES and not all(isinstance(text, str) for text in _listed(expect, name)):
            raise ValueError(f"`{name}` is expected as a list of texts")


def compare(
    expect: JsonObject,
    determinations: Sequence[Determination],
    *,
    proposals: Sequence[str],
    queries: Sequence[str],
) -> list[str]:
    """How what was determined differs from what is expected, in words; nothing if it does not."""
    if unknown := set(expect) - set(EXPECTABLE):
        return [f"expects `{min(unknown)}`, which is nothing to expect"]
    if len(determinations) != 1:
        return [f"is answered in {len(determinations)} determinations"]
    (determination,) = determinations
    listed = {name: find(determination) for name, find in _LISTS.items()}
    besides = {"proposes": list(proposals), "needs": list(queries)}
    return [
        *_other_values(expect, determination),
        *_other_lists(expect, {**listed, **besides}),
        *_unspoken(expect, determination),
    ]


def _other_values(expect: JsonObject, determination: Determination) -> Iterator[str]:
    for name, find in _VALUES.items():
        if name in expect and find(determination) != expect[name]:
            yield f"{name} is {find(determination)}, expected {expect[name]}"


def _other_lists(expect: JsonObject, listed: Mapping[str, list[str]]) -> Iterator[str]:
    for name, found in listed.items():
        if name in expect and sorted(found) != sorted(_listed(expect, name)):
            yield f"{name} is {sorted(found)}, expected {sorted(_listed(expect, name))}"


def _unspoken(expect: JsonObject, determination: Determination) -> Iterator[str]:
    words = _words(determination)
    for wanted in expect.get("says", ()):
        if wanted not in words:
            yield f"does not say `{wanted}`"


def _listed(expect: JsonObject, name: str) -> list[Json]:
    """A list; one rule may be named alone, and null is none."""
    written = expect[name]
    if name == "rule" and not isinstance(written, list):
        return [written] if written is not None else []
    return written if isinstance(written, list) else [None]


def _words(determination: Determination) -> str:
    """All that a clinician reads of a determination: reasons, details, ways of contact."""
    reasons = [reason.text for reason in determination.reasons]
    details = [str(detail.value) for detail in determination.details]
    ways = [way for contact in determination.contacts for _, way in contact.telecom]
    return " ".join([*reasons, *details, *ways])
