"""What a rule's determination says, in words for a page (CRD coverage-information)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cds_service.fhir.coding import read_coding
from cds_service.fhir.extension import parts, value_of
from cds_service.fhir.resource import JsonObject, first, text

Said = dict[str, list[JsonObject]]

# A part of the determination, and what its codes mean.
ANSWERS = {
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
class Detail:
    """One `detail`: `when` is the condition it is given on; the words of a computed one depend on the order."""

    name: str
    text: str
    when: str
    computed: bool

    @property
    def is_instruction(self) -> bool:
        return self.name == "instructions"


def read_answers(said: Said) -> Iterator[str]:
    """The coded parts of a determination in words, coverage first."""
    for name in dict.fromkeys(part for part, _ in ANSWERS):
        for code in read_values(said, name):
            yield ANSWERS.get((name, code), f"{name}: {code}")


def read_values(said: Said, name: str) -> tuple[str, ...]:
    """The simple values of one part."""
    return tuple(text(value_of(part)[1]) for part in said.get(name, ()))


def read_details(said: Said) -> tuple[Detail, ...]:
    """The details of a determination."""
    return tuple(_detail(parts(part)) for part in said.get("detail", ()))


def _detail(said: Said) -> Detail:
    name, value = value_of(first(said.get("value")))
    code = first(value_of(first(said.get("code")))[1])
    words = (SHOWN.get(name, text)(value), *read_values(said, "qualification"))
    return Detail(
        name=read_coding(first(code.get("coding"))).code,
        text=" ".join(filter(None, words)),
        when=_expression(value_of(first(said.get("when")))[1]),
        computed=name == "valueExpression",
    )


def _expression(value: object) -> str:
    expression = first(value)
    return text(expression.get("description")) or text(expression.get("expression"))


def _period(value: object) -> str:
    period = first(value)
    return f"{text(period.get('start')) or 'any time'} to {text(period.get('end')) or 'any time'}"


def _quantity(value: object) -> str:
    quantity = first(value)
    return " ".join(
        filter(None, (text(quantity.get(name)) for name in ("comparator", "value", "unit")))
    )


# How values that are no plain text are shown.
SHOWN: dict[str, Callable[[object], str]] = {
    "valueBoolean": lambda value: "yes" if value else "no",
    "valueExpression": _expression,
    "valuePeriod": _period,
    "valueQuantity": _quantity,
}
