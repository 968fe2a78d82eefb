"""A rule's determination and its details, in words for a page (CRD coverage-information)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cds_service.crd.decision.determination import Detail, Determination
from cds_service.fhir.resource import first, text
from cds_service.policy.run.rules import DynamicDetail

# A part of the determination with one of its codes, and what that means; in the order of a page.
MEANINGS = {
    ("covered", "covered"): "Covered",
    ("covered", "not-covered"): "Not covered",
    ("covered", "conditional"): "Depends on further information",
    ("covered", "indeterminate"): "Cannot be determined",
    ("pa-needed", "no-auth"): "No prior authorization is needed",
    ("pa-needed", "auth-needed"): "Prior authorization is needed",
    ("pa-needed", "satisfied"): "Prior authorization is already given",
    ("pa-needed", "performpa"): "The performer has to ask for prior authorization",
    (
        "pa-needed",
        "conditional",
    ): "Whether prior authorization is needed depends on further information",
    ("pa-needed", "indeterminate"): "Whether prior authorization is needed cannot be determined",
    ("doc-needed", "clinical"): "Clinical documentation is needed",
    ("doc-needed", "admin"): "Administrative documentation is needed",
    ("doc-needed", "patient"): "Documentation from the patient is needed",
    ("doc-needed", "conditional"): "Whether documentation is needed depends on further information",
    ("doc-needed", "indeterminate"): "Whether documentation is needed cannot be determined",
    ("doc-purpose", "withclaim"): "Send the documentation with the claim",
    ("doc-purpose", "withorder"): "Send the documentation with the order",
    ("doc-purpose", "retain-doc"): "Keep the documentation on file",
    ("doc-purpose", "OTH"): "The reason says what the documentation is for",
    ("info-needed", "performer"): "Needed: who performs the service",
    ("info-needed", "location"): "Needed: where the service takes place",
    ("info-needed", "timeframe"): "Needed: the date of service",
    ("info-needed", "contract-window"): "Needed: a date within the contract",
    ("info-needed", "detail-code"): "Needed: a more exact code or description of the service",
    ("info-needed", "OTH"): "Needed: more than the order tells; see the instructions",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DetailView:
    """One detail of a determination.

    `when` is the condition it is given on; a `computed` one is worded for each order, and `text`
    tells how.
    """

    name: str
    text: str
    when: str
    computed: bool

    @property
    def is_instruction(self) -> bool:
        return self.name == "instructions"


def describe_determination(determination: Determination) -> tuple[str, ...]:
    """The coded parts of a determination in words, coverage first."""
    coded = set(_coded_parts(determination))
    return tuple(words for part_and_code, words in MEANINGS.items() if part_and_code in coded)


def _coded_parts(determination: Determination) -> Iterator[tuple[str, str]]:
    yield "covered", determination.covered
    if determination.pa_needed:
        yield "pa-needed", determination.pa_needed
    yield from (("doc-needed", code) for code in determination.doc_needed)
    yield from (("doc-purpose", code) for code in determination.doc_purpose)
    yield from (("info-needed", code) for code in determination.info_needed)


def describe_detail(dynamic: DynamicDetail) -> DetailView:
    """One detail in words, whatever the type of its value."""
    detail = dynamic.detail
    shown = dynamic.value_in_words or _value_in_words(detail)
    return DetailView(
        name=detail.code.code,
        text=" ".join(filter(None, (shown, detail.qualification))),
        when=dynamic.when_in_words,
        computed=dynamic.value is not None,
    )


def _value_in_words(detail: Detail) -> str:
    return SHOWN.get(detail.value_type, text)(detail.value)


def _period(value: object) -> str:
    period = first(value)
    return f"{text(period.get('start')) or 'any time'} to {text(period.get('end')) or 'any time'}"


def _quantity(value: object) -> str:
    quantity = first(value)
    parts = (text(quantity.get(name)) for name in ("comparator", "value", "unit"))
    return " ".join(filter(None, parts))


# How values that are no plain text are shown.
SHOWN: dict[str, Callable[[object], str]] = {
    "valueBoolean": lambda value: "yes" if value else "no",
    "valuePeriod": _period,
    "valueQuantity": _quantity,
}
