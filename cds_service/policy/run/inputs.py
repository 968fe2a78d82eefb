"""Inputs: what a rule asks for besides its order, and the one query that brings each.

Compiled from the `input`s of a PlanDefinition's actions (R4 DataRequirement).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote

from cds_service.crd.request.lookups import history_key
from cds_service.fhir.coding import Coding
from cds_service.fhir.dates import Days
from cds_service.policy.language.calendar import moment_of
from cds_service.policy.language.code_sets import CodeSet
from cds_service.policy.language.steps import Member

# Of the patient: by the element that holds the code, as codeFilter paths name it.
HISTORY: Mapping[str, str] = {
    "Condition": "code",
    "Device": "type",
    "DiagnosticReport": "code",
    "Immunization": "vaccineCode",
    "MedicationRequest": "medication",
    "Observation": "code",
    "Procedure": "code",
    "ServiceRequest": "code",
}
# Searched by code too: a patient has thousands, and servers refuse to give them all (US Core).
SEARCHED_BY_CODE = frozenset({"Observation"})
# Of the order: whom and what it names itself.
OF_THE_ORDER = ("Encounter", "Location", "Organization", "Practitioner", "PractitionerRole")
_THE_PATIENT = "{{context.patientId}}"  # CDS Hooks, prefetch tokens
_IN_A_QUERY = "/:|.-"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeFilter:
    """Codes that an element must have one of."""

    path: tuple[Member, ...]
    codes: CodeSet


@dataclass(frozen=True, slots=True, kw_only=True)
class DateFilter:
    """Days that an element must lie in: of a period, or so long before the date of service."""

    path: tuple[Member, ...]
    period: Days | None
    amount: int = 0
    unit: str = ""

    def window(self, service: Days) -> Days | None:
        """The days, for a date of service; None if that is not exact."""
        if self.period:
            return self.period
        if service.first != service.last:
            return None
        begin = moment_of(service.first).plus(-self.amount, self.unit)
        return Days(begin.day or date.min, service.last) if begin else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """What one `input` of a rule asks for; `codings` are its codes, if it lists them one by one."""

    id: str
    type: str
    code_filters: tuple[CodeFilter, ...] = ()
    date_filters: tuple[DateFilter, ...] = ()
    codings: tuple[Coding, ...] = ()

    def query(self, patient_id: str) -> str:
        """The one search that brings all of it.

        By patient alone where that can be: a server finds by code only what is coded in the same
        system, and of what is coded in another nobody may say that it is not there.
        """
        search = f"{self.type}?patient={patient_id}"
        if self.type in SEARCHED_BY_CODE and self.codings:
            codes = ",".join(
                quote(f"{code.system}|{code.code}", _IN_A_QUERY) for code in self.codings
            )
            return f"{search}&code={codes}"
        return search


def prefetch_of(inputs: Iterable[Input]) -> tuple[tuple[str, str], ...]:
    """What discovery asks for so that these inputs come with a call: a key and a query a type."""
    by_type: dict[str, list[Input]] = {}
    for wanted in inputs:
        if wanted.type in HISTORY:
            by_type.setdefault(wanted.type, []).append(wanted)
    return tuple((history_key(kind), _template(kind, by_type[kind])) for kind in sorted(by_type))


def _template(kind: str, inputs: Iterable[Input]) -> str:
    """The query that brings what all of these ask for of one type."""
    wanted = list(inputs)
    listed = [coding for asked in wanted for coding in asked.codings]
    together = Input(
        id="",
        type=kind,
        codings=tuple(dict.fromkeys(listed)) if all(asked.codings for asked in wanted) else (),
    )
    return together.query(_THE_PATIENT)
