"""Hypothesis strategies for determinations: of every kind allowed, with parts of every type."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from fakes import BASE_URL
from hypothesis import strategies as st

from cds_service.crd.codes import (
    COVERAGE_DETAIL,
    CRD_TEMP,
    Covered,
    DetailCategory,
    DocNeeded,
    DocPurpose,
    InfoNeeded,
    PaNeeded,
)
from cds_service.crd.decision.dependency import Dependency
from cds_service.crd.decision.determination import Citation, Contact, Detail, Determination, Reason
from cds_service.crd.request.membership import Identifier
from cds_service.fhir.coding import CPT, Coding

OUR_REASONS = "https://reasons.example.invalid"

# Any letters there are, in any script, none of them half a character.
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).filter(
    str.strip
)
codings = st.builds(
    Coding,
    st.sampled_from([CPT, "https://codes.example.invalid"]),
    st.sampled_from(["0001T", "B", "C"]),
)
reason_codings = st.one_of(
    st.none(),
    st.sampled_from(["gold-card", "technical", "no-active-coverage"]).map(
        lambda code: Coding(CRD_TEMP, code)
    ),
    st.sampled_from(["one", "other"]).map(lambda code: Coding(OUR_REASONS, code)),
)
reasons = st.builds(Reason, text=words, coding=reason_codings)

_quantities = st.builds(
    lambda value, unit: {"value": value, "unit": unit},
    st.decimals(min_value=0, max_value=1000, places=2, allow_nan=False).map(
        lambda value: Decimal(str(value))
    ),
    st.sampled_from(["visits", "USD"]),
)
_periods = st.just({"start": "2026-01-01", "end": "2026-12-31"})
_DETAIL_VALUES: dict[str, tuple[str, st.SearchStrategy[Any]]] = {
    "allowed-quantity": ("valueQuantity", _quantities),
    "in-network-copay": ("valueQuantity", _quantities),
    "out-network-copay": ("valueQuantity", _quantities),
    "allowed-period": ("valuePeriod", _periods),
    "concurrent-review": ("valueBoolean", st.booleans()),
    "appropriate-use-needed": ("valueBoolean", st.booleans()),
    "policy-link": ("valueUrl", st.just("https://policies.example.invalid/1")),
    "instructions": ("valueString", words),
}


@st.composite
def details(draw: st.DrawFn) -> Detail:
    """A detail whose value has the type its code calls for."""
    code = draw(st.sampled_from(sorted(_DETAIL_VALUES)))
    value_type, values = _DETAIL_VALUES[code]
    return Detail(
        category=draw(st.sampled_from(DetailCategory)),
        code=Coding(COVERAGE_DETAIL, code),
        value_type=value_type,
        value=draw(values),
        qualification=draw(st.one_of(st.just(""), words)),
    )


contacts = st.builds(
    Contact,
    name=words,
    telecom=st.lists(
        st.tuples(
            st.sampled_from(["phone", "fax"]), st.from_regex(r"555-[0-9]{4}", fullmatch=True)
        ),
        min_size=1,
        max_size=2,
    ).map(tuple),
)


# Beside which documentation can go with the request for an authorization.
PERHAPS_AUTHORIZED = (
    PaNeeded.AUTH_NEEDED,
    PaNeeded.PERFORM_PA,
    PaNeeded.CONDITIONAL,
    PaNeeded.INDETERMINATE,
)
NOT_FOR_AUTHORIZATION = set(DocPurpose) - {DocPurpose.WITH_PA}
dependencies = st.one_of(
    st.sampled_from(["ServiceRequest/1", "VisionPrescription/2", "#contained"]).map(
        lambda reference: Dependency(reference=reference)
    ),
    st.builds(
        Dependency,
        identifier=st.just(Identifier("https://orders.example.invalid", "3")),
        display=st.one_of(st.just(""), words),
    ),
)


def _tuples(of: st.SearchStrategy[Any], *, at_least: int = 0) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(of, min_size=at_least, max_size=at_least + 2, unique_by=repr).map(tuple)


@st.composite
def determinations(draw: st.DrawFn, covered: Covered | None = None) -> Determination:
    """Any determination the guide's invariants allow."""
    answer = covered or draw(st.sampled_from(Covered))
    pa_needed = (
        None
        if answer is Covered.NOT_COVERED
        else draw(st.one_of(st.none(), st.sampled_from(PaNeeded)))
    )
    doc_needed = draw(st.frozensets(st.sampled_from(DocNeeded)))
    purposes = set(DocPurpose) if pa_needed in PERHAPS_AUTHORIZED else NOT_FOR_AUTHORIZATION
    doc_purpose = draw(st.frozensets(st.sampled_from(sorted(purposes)), max_size=3))
    answers = {str(answer), str(pa_needed), *map(str, doc_needed)}
    info = st.frozensets(st.sampled_from(InfoNeeded), min_size=1)
    info_needed = draw(info) if "conditional" in answers else frozenset()
    must_say_why = (
        "indeterminate" in answers or bool(doc_purpose) or InfoNeeded.OTHER in info_needed
    )
    return Determination(
        covered=answer,
        pa_needed=pa_needed,
        satisfied_pa_id=draw(words) if pa_needed is PaNeeded.SATISFIED else "",
        doc_needed=doc_needed,
        doc_purpose=doc_purpose,
        info_needed=info_needed,
        reasons=draw(_tuples(reasons, at_least=int(must_say_why))),
        details=draw(_tuples(details())),
        dependencies=draw(_tuples(dependencies)),
        questionnaires=draw(_tuples(st.just("https://forms.example.invalid/Questionnaire/1")))
        if doc_needed
        else (),
        contacts=draw(_tuples(contacts)),
        billing_codes=draw(_tuples(codings)),
        expiry_date=draw(st.one_of(st.none(), st.dates(date(2026, 1, 1), date(2030, 1, 1)))),
    )


def citation(rule_id: str = "rule-1", *, policy_id: str = "policy-1", **elements: Any) -> Citation:
    """A citation of an invented policy."""
    return Citation(
        policy_id=policy_id,
        canonical=f"https://policies.example.invalid/PlanDefinition/{policy_id}|1",
        number="P-1",
        policy_title="An invented policy",
        page_url=f"{BASE_URL}/policies/{policy_id}{f'#rule-{rule_id}' if rule_id else ''}",
        rule_id=rule_id,
        **{"rule_title": "Look at the invented policy", "audience": "Invented Plan", **elements},
    )


cited_determinations = st.builds(
    lambda determination, rule, policy: replace(
        determination, citations=(citation(rule, policy_id=policy),)
    ),
    determinations(),
    st.sampled_from(["rule-1", "rule-2"]),
    st.sampled_from(["policy-1", "policy-2"]),
)
