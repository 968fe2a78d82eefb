"""What the codes of a determination mean, in words; pages and cards take theirs from one table.

A row is a part of coverage-information with one of its codes, or a `detail` that is a yes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from cds_service.crd.codes import DocNeeded, InfoNeeded, PaNeeded
from cds_service.crd.decision.determination import Detail, Determination
from cds_service.fhir.resource import first, text

Key = tuple[str, str]


class Meaning(NamedTuple):
    """A code as a sentence of its own, and in the words of a headline if it is named there."""

    sentence: str
    brief: str = ""


# In the order of a page, coverage first.
MEANINGS: Mapping[Key, Meaning] = {
    ("covered", "covered"): Meaning("Covered", "covered"),
    ("covered", "not-covered"): Meaning("Not covered", "not covered"),
    ("covered", "conditional"): Meaning("Depends on further information", "not decided yet"),
    ("covered", "indeterminate"): Meaning("Cannot be determined", "could not be determined"),
    ("pa-needed", "no-auth"): Meaning("No prior authorization is needed"),
    ("pa-needed", "auth-needed"): Meaning(
        "Prior authorization is needed", "prior authorization needed"
    ),
    ("pa-needed", "satisfied"): Meaning(
        "Prior authorization is already given", "prior authorization already given"
    ),
    ("pa-needed", "performpa"): Meaning(
        "The performer has to ask for prior authorization",
        "performer must ask for prior authorization",
    ),
    ("pa-needed", "conditional"): Meaning(
        "Whether prior authorization is needed depends on further information",
        "prior authorization perhaps needed",
    ),
    ("pa-needed", "indeterminate"): Meaning(
        "Whether prior authorization is needed cannot be determined",
        "need for prior authorization unknown",
    ),
    # Kinds of documentation stand before `documentation needed`, what it is for behind it.
    ("doc-needed", "clinical"): Meaning("Clinical documentation is needed", "clinical"),
    ("doc-needed", "admin"): Meaning("Administrative documentation is needed", "administrative"),
    ("doc-needed", "patient"): Meaning("Documentation from the patient is needed", "patient"),
    ("doc-needed", "conditional"): Meaning(
        "Whether documentation is needed depends on further information",
        "documentation perhaps needed",
    ),
    ("doc-needed", "indeterminate"): Meaning(
        "Whether documentation is needed cannot be determined",
        "need for documentation unknown",
    ),
    ("doc-purpose", "withpa"): Meaning(
        "Send the documentation with the request for prior authorization",
        "with the authorization request",
    ),
    ("doc-purpose", "withclaim"): Meaning(
        "Send the documentation with the claim", "with the claim"
    ),
    ("doc-purpose", "withorder"): Meaning(
        "Send the documentation with the order", "with the order"
    ),
    ("doc-purpose", "retain-doc"): Meaning("Keep the documentation on file", "to keep on file"),
    ("doc-purpose", "OTH"): Meaning(
        "The reason says what the documentation is for", "as the reason says"
    ),
    ("info-needed", "performer"): Meaning("Needed: who performs the service"),
    ("info-needed", "location"): Meaning("Needed: where the service takes place"),
    ("info-needed", "timeframe"): Meaning("Needed: the date of service"),
    ("info-needed", "contract-window"): Meaning("Needed: a date within the contract"),
    ("info-needed", "detail-code"): Meaning(
        "Needed: a more exact code or description of the service"
    ),
    ("info-needed", "OTH"): Meaning("Needed: more than the order tells; see the instructions"),
    ("detail", "appropriate-use-needed"): Meaning(
        "Documentation of appropriate use is needed", "appropriate-use documentation needed"
    ),
    ("detail", "concurrent-review"): Meaning(
        "Concurrent review is needed", "concurrent review needed"
    ),
}
# Without which nothing is asked of anybody.
_SETTLED = (None, PaNeeded.NO_AUTH, PaNeeded.SATISFIED)
_UNDECIDED = frozenset({DocNeeded.CONDITIONAL, DocNeeded.INDETERMINATE})


def describe_determination(determination: Determination) -> tuple[str, ...]:
    """The coded parts of a determination in sentences, coverage first."""
    keys = [("covered", determination.covered.value), *_authorization(determination)]
    if determination.pa_needed in (PaNeeded.NO_AUTH, PaNeeded.SATISFIED):
        keys.append(("pa-needed", determination.pa_needed.value))
    keys.extend([*_documentation(determination), *_codes("info-needed", determination.info_needed)])
    return tuple(meaning.sentence for meaning in _meanings(keys))


def describe_steps(determination: Determination) -> tuple[str, ...]:
    """What has to be done first, in sentences: authorization, documents and what they are for.

    Then what else must be known, but for what the payer's own words ask for.
    """
    instructed = any(detail.code.code == "instructions" for detail in determination.details)
    asked_in_words = {InfoNeeded.OTHER, *([InfoNeeded.DETAIL_CODE] if instructed else [])}
    keys = [
        *_authorization(determination),
        *_documentation(determination),
        *_codes("info-needed", determination.info_needed - asked_in_words),
        *_demanded(determination),
    ]
    return tuple(meaning.sentence for meaning in _meanings(keys))


def brief_steps(determination: Determination) -> tuple[str, ...]:
    """What has to be done before the service is free to go, as clauses, authorization first.

    Nothing where the payer does not cover the service at all.
    """
    if determination.is_refusal:
        return ()
    return (
        *_briefs(_authorization(determination)),
        *_brief_documentation(determination),
        *_briefs(_demanded(determination)),
    )


def brief(determination: Determination) -> str:
    """Whether the service is covered, and whatever qualifies that, in one line for a headline."""
    covered = MEANINGS["covered", determination.covered.value].brief
    if determination.is_refusal:
        return covered
    clauses = [covered, *brief_steps(determination)]
    if determination.pa_needed is PaNeeded.SATISFIED:
        clauses.insert(1, MEANINGS["pa-needed", PaNeeded.SATISFIED.value].brief)
    if determination.dependencies:
        clauses.append("depends on another order")
    return "; ".join(clauses)


def value_in_words(detail: Detail) -> str:
    """The value of a detail and what qualifies it, whatever the value's type."""
    shown = _SHOWN.get(detail.value_type, text)(detail.value)
    return " ".join(filter(None, (shown, detail.qualification)))


def _meanings(keys: Iterable[Key]) -> Iterator[Meaning]:
    """What these parts mean, in the order of the table."""
    wanted = set(keys)
    return (meaning for key, meaning in MEANINGS.items() if key in wanted)


def _briefs(keys: Iterable[Key]) -> Iterator[str]:
    return (meaning.brief for meaning in _meanings(keys))


def _codes(part: str, codes: Iterable[str]) -> list[Key]:
    return [(part, str(code)) for code in codes]


def _authorization(determination: Determination) -> list[Key]:
    """The authorization, unless it is settled that none has to be asked for."""
    needed = determination.pa_needed
    return [] if needed in _SETTLED else _codes("pa-needed", filter(None, (needed,)))


def _documentation(determination: Determination) -> list[Key]:
    return [
        *_codes("doc-needed", determination.doc_needed),
        *_codes("doc-purpose", determination.doc_purpose),
    ]


def _demanded(determination: Determination) -> list[Key]:
    """The details that are a plain yes to something which has to be done."""
    demanded = (detail for detail in determination.details if detail.value is True)
    return [("detail", detail.code.code) for detail in demanded]


def _brief_documentation(determination: Determination) -> list[str]:
    """`clinical and patient documentation needed with the claim`, and what is undecided of it."""
    kinds = _codes("doc-needed", determination.doc_needed - _UNDECIDED)
    clauses = [f"{_joined(_briefs(kinds))} documentation needed"] if kinds else []
    clauses.extend(_briefs(_codes("doc-needed", determination.doc_needed & _UNDECIDED)))
    purposes = _joined(_briefs(_codes("doc-purpose", determination.doc_purpose)))
    if not purposes:
        return clauses
    what, *undecided = clauses or ["documentation"]
    return [f"{what} {purposes}", *undecided]


def _joined(words: Iterable[str]) -> str:
    *most, last = ["", *words]
    listed = ", ".join(filter(None, most))
    return f"{listed} and {last}" if listed else last


def _period(value: object) -> str:
    period = first(value)
    return f"{text(period.get('start')) or 'any time'} to {text(period.get('end')) or 'any time'}"


def _quantity(value: object) -> str:
    quantity = first(value)
    parts = (text(quantity.get(name)) for name in ("comparator", "value", "unit"))
    return " ".join(filter(None, parts))


# How values that are no plain text are shown.
_SHOWN: Mapping[str, Callable[[object], str]] = {
    "valueBoolean": lambda value: "yes" if value else "no",
    "valuePeriod": _period,
    "valueQuantity": _quantity,
}
