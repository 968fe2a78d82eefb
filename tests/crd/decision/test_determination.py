"""Determinations: what the guide forbids cannot be built; of several the strictest wins."""

from dataclasses import replace
from datetime import date
from itertools import pairwise, permutations, product
from typing import Any

import pytest
from coverage_information_rules import PARTS
from hypothesis import given, settings
from hypothesis import strategies as st
from made_determinations import citation, cited_determinations, determinations, reasons

from cds_service.crd.codes import Covered, DocNeeded, DocPurpose, InfoNeeded, PaNeeded
from cds_service.crd.decision.combination import STRICTNESS, combine, without_documentation
from cds_service.crd.decision.dependency import Dependency, read_dependency
from cds_service.crd.decision.determination import Determination, Reason
from cds_service.crd.request.membership import Identifier
from cds_service.crd.response.coverage_information import Assertion, repetition, write_parts
from cds_service.fhir.reference import ResourceKey
from cds_service.fhir.resource import encode

BECAUSE = (Reason(text="because"),)
FORM = "https://forms.example.invalid/Questionnaire/1"
ASSERTION = Assertion(coverage=ResourceKey("Coverage", "1"), day=date(2026, 11, 20), id="a-1")
ELEMENTS = st.fixed_dictionaries(
    {
        "covered": st.sampled_from(Covered),
        "pa_needed": st.one_of(st.none(), st.sampled_from(PaNeeded)),
        "satisfied_pa_id": st.sampled_from(["", "PA-1"]),
        "doc_needed": st.frozensets(st.sampled_from(DocNeeded)),
        "doc_purpose": st.frozensets(st.sampled_from(DocPurpose)),
        "info_needed": st.frozensets(st.sampled_from(InfoNeeded)),
        "reasons": st.lists(reasons, max_size=1).map(tuple),
        "questionnaires": st.sampled_from([(), (FORM,)]),
    }
)


def is_legal(said: dict[str, Any]) -> bool:
    """crd-ci-q1 to q9 over plain codes, each as its text and as its expression reads."""
    answers = {str(said["covered"]), str(said["pa_needed"]), *map(str, said["doc_needed"])}
    info = {str(code) for code in said["info_needed"]}
    return all(
        (
            not said["questionnaires"] or bool(said["doc_needed"]),
            not (said["covered"] == "not-covered" and said["pa_needed"]),
            ("conditional" in answers) == bool(info),
            "withpa" not in said["doc_purpose"]
            or str(said["pa_needed"])
            in ("auth-needed", "performpa", "conditional", "indeterminate"),
            (said["pa_needed"] == "satisfied") == bool(said["satisfied_pa_id"]),
            "OTH" not in info or bool(said["reasons"]),
            not said["doc_purpose"] or bool(said["reasons"]),
            "indeterminate" not in answers or bool(said["reasons"]),
        )
    )


def can_be_built(said: dict[str, Any]) -> bool:
    try:
        Determination(**said)
    except ValueError:
        return False
    return True


def written(determination: Determination) -> bytes:
    return encode(repetition(write_parts(determination, ASSERTION)))


@settings(max_examples=200, deadline=None)
@given(said=ELEMENTS)
def test_exactly_what_the_invariants_allow_can_be_built(said: dict[str, Any]) -> None:
    """What crd-ci-q1 to q9 forbid in either reading cannot be constructed; all else can."""
    assert can_be_built(said) == is_legal(said)


def test_every_combination_of_single_codes_is_judged_as_the_invariants_judge_it() -> None:
    """The same for all 18,816 combinations of at most one code an element."""
    named = {
        "covered": list(Covered),
        "pa_needed": [None, *PaNeeded],
        "satisfied_pa_id": ["", "PA-1"],
        "doc_needed": [frozenset(), *(frozenset({code}) for code in DocNeeded)],
        "doc_purpose": [frozenset(), frozenset({DocPurpose.WITH_CLAIM})],
        "info_needed": [frozenset(), *(frozenset({code}) for code in InfoNeeded)],
        "reasons": [(), BECAUSE],
        "questionnaires": [(), (FORM,)],
    }
    combinations = [dict(zip(named, values, strict=True)) for values in product(*named.values())]

    assert [said for said in combinations if can_be_built(said) != is_legal(said)] == []


@pytest.mark.parametrize(
    ("invariant", "said"),
    [
        ("crd-ci-q1", {"covered": Covered.COVERED, "questionnaires": (FORM,)}),
        ("crd-ci-q2", {"covered": Covered.NOT_COVERED, "pa_needed": PaNeeded.NO_AUTH}),
        ("crd-ci-q3", {"covered": Covered.CONDITIONAL, "reasons": BECAUSE}),
        (
            "crd-ci-q3",
            {"covered": Covered.COVERED, "info_needed": frozenset({InfoNeeded.LOCATION})},
        ),
        (
            "crd-ci-q4",
            {
                "covered": Covered.COVERED,
                "pa_needed": PaNeeded.NO_AUTH,
                "doc_purpose": frozenset({DocPurpose.WITH_PA}),
                "reasons": BECAUSE,
            },
        ),
        ("crd-ci-q5", {"covered": Covered.COVERED, "pa_needed": PaNeeded.SATISFIED}),
        ("crd-ci-q5", {"covered": Covered.COVERED, "satisfied_pa_id": "PA-1"}),
        (
            "crd-ci-q6",
            {"covered": Covered.CONDITIONAL, "info_needed": frozenset({InfoNeeded.OTHER})},
        ),
        (
            "crd-ci-q8",
            {"covered": Covered.COVERED, "doc_purpose": frozenset({DocPurpose.WITH_CLAIM})},
        ),
        ("crd-ci-q9", {"covered": Covered.INDETERMINATE}),
        ("crd-ci-q9", {"covered": Covered.COVERED, "pa_needed": PaNeeded.INDETERMINATE}),
    ],
)
def test_a_breach_is_called_by_the_invariant_it_breaks(
    invariant: str, said: dict[str, Any]
) -> None:
    """The message names the invariant, so that a policy's author can look it up."""
    with pytest.raises(ValueError, match=invariant):
        Determination(**said)


def test_a_reason_without_words_cannot_be_built() -> None:
    """A reason's coding is optional, its words are not."""
    with pytest.raises(ValueError, match="crd-ci-q7"):
        Reason(text="")


def test_every_element_of_the_extension_that_can_be_determined_has_its_place() -> None:
    """The model is the CRD 2.2 superset."""
    ours = {
        "covered": "covered",
        "pa-needed": "pa_needed",
        "satisfied-pa-id": "satisfied_pa_id",
        "doc-needed": "doc_needed",
        "doc-purpose": "doc_purpose",
        "info-needed": "info_needed",
        "reason": "reasons",
        "detail": "details",
        "dependency": "dependencies",
        "questionnaire": "questionnaires",
        "contact": "contacts",
        "billingCode": "billing_codes",
        "expiry-date": "expiry_date",
    }
    run_time = {"coverage", "date", "coverage-assertion-id"}

    assert set(PARTS["2.2"]) - run_time == set(ours)
    assert set(ours.values()) | {"citations"} == set(Determination.__slots__)


@settings(max_examples=50, deadline=None)
@given(said=st.lists(cited_determinations, min_size=1, max_size=3))
def test_the_order_of_rules_never_matters(said: list[Determination]) -> None:
    """However the rules are asked, the determination is the same."""
    combined = [combine(ordered) for ordered in permutations(said)]

    assert all(result == combined[0] for result in combined)


@settings(max_examples=50, deadline=None)
@given(said=st.lists(cited_determinations, min_size=1, max_size=3))
def test_saying_it_twice_changes_nothing(said: list[Determination]) -> None:
    """Combining is idempotent."""
    assert combine([*said, *said]) == combine(said)


@settings(max_examples=50, deadline=None)
@given(said=st.lists(cited_determinations, min_size=2, max_size=3))
def test_equal_answers_are_equal_bytes(said: list[Determination]) -> None:
    """What is written does not tell in which order the rules were asked."""
    assert len({written(combine(ordered)) for ordered in permutations(said)}) == 1


@settings(max_examples=50, deadline=None)
@given(determination=determinations())
def test_one_rule_alone_is_answered_in_its_own_words(determination: Determination) -> None:
    """Combining a single determination gives that determination."""
    assert combine([determination]) == determination


@settings(max_examples=50, deadline=None)
@given(rules=st.lists(cited_determinations, min_size=1, max_size=4))
def test_the_strictest_coverage_wins(rules: list[Determination]) -> None:
    """From `covered` over `conditional` and `indeterminate` to `not-covered`."""
    stated = [rule.covered for rule in rules]

    assert combine(rules).covered is max(stated, key=STRICTNESS.index)


@settings(max_examples=50, deadline=None)
@given(rules=st.lists(cited_determinations, min_size=1, max_size=4))
def test_no_speaking_rule_asks_for_more_than_the_combination_does(
    rules: list[Determination],
) -> None:
    """Documents, reasons and forms of the rules that speak are all kept."""
    combined = combine(rules)
    speaking = [rule for rule in rules if not combined.is_refusal or rule.is_refusal]

    assert combined.doc_needed == frozenset().union(*(rule.doc_needed for rule in speaking))
    assert combined.doc_purpose == frozenset().union(*(rule.doc_purpose for rule in speaking))
    assert set(combined.dependencies) == {
        dependency for rule in speaking for dependency in rule.dependencies
    }
    assert set(combined.reasons) == {reason for rule in speaking for reason in rule.reasons}
    assert set(combined.questionnaires) == {
        form for rule in speaking for form in rule.questionnaires
    }


COVERED_FROM_LOOSE_TO_STRICT = ("covered", "conditional", "indeterminate", "not-covered")


@pytest.mark.parametrize(("looser", "stricter"), list(pairwise(COVERED_FROM_LOOSE_TO_STRICT)))
def test_of_two_determinations_the_stricter_coverage_wins(looser: str, stricter: str) -> None:
    """What cannot be determined is stricter than what depends, and a refusal stricter than both."""
    assert combine([covering(looser), covering(stricter)]).covered == stricter
    assert combine([covering(stricter), covering(looser)]).covered == stricter


def covering(covered: str) -> Determination:
    """A determination with this coverage, and with what the invariants ask of it."""
    info = frozenset({InfoNeeded.LOCATION}) if covered == "conditional" else frozenset()
    return Determination(covered=Covered(covered), info_needed=info, reasons=BECAUSE)


PA_FROM_LOOSE_TO_STRICT = (
    "no-auth",
    "satisfied",
    "conditional",
    "indeterminate",
    "performpa",
    "auth-needed",
)


@pytest.mark.parametrize(("looser", "stricter"), list(pairwise(PA_FROM_LOOSE_TO_STRICT)))
def test_the_strictest_word_on_prior_authorization_wins(looser: str, stricter: str) -> None:
    """One rule that wants an authorization is not outvoted by one that wants none."""
    assert combine([needing(looser), needing(stricter)]).pa_needed == stricter


def needing(pa_needed: str) -> Determination:
    """A rule that covers and says this of prior authorization."""
    info = frozenset({InfoNeeded.LOCATION}) if pa_needed == "conditional" else frozenset()
    return Determination(
        covered=Covered.COVERED,
        pa_needed=PaNeeded(pa_needed),
        satisfied_pa_id="PA-1" if pa_needed == "satisfied" else "",
        info_needed=info,
        reasons=BECAUSE,
        citations=(citation(f"pa-{pa_needed}"),),
    )


@pytest.mark.parametrize("free", ["no-auth", "satisfied"])
@pytest.mark.parametrize("undecided", [Covered.CONDITIONAL, Covered.INDETERMINATE])
def test_beside_a_rule_that_could_not_decide_no_authorization_is_ever_waived(
    undecided: Covered, free: str
) -> None:
    """A rule that failed may have wanted one: whatever fails, the answer never gets looser."""
    info = frozenset({InfoNeeded.OTHER}) if undecided is Covered.CONDITIONAL else frozenset()
    failed = Determination(
        covered=undecided, info_needed=info, reasons=BECAUSE, citations=(citation("failed"),)
    )
    combined = combine([failed, needing(free)])

    assert combined.pa_needed is None


def test_the_first_citation_is_the_one_that_decided() -> None:
    """Cards speak of the first citation, so the strictest rule comes first."""
    undecided = Determination(
        covered=Covered.INDETERMINATE, reasons=BECAUSE, citations=(citation("z-undecided"),)
    )

    assert combine([needing("auth-needed"), undecided]).citations[0] == citation("z-undecided")


def test_a_refusal_silences_looser_rules() -> None:
    """If any rule refuses, neither words nor codes of the others are repeated."""
    refusal = Determination(covered=Covered.NOT_COVERED, reasons=(Reason(text="investigational"),))

    assert combine([needing("auth-needed"), refusal]) == refusal


@settings(max_examples=50, deadline=None)
@given(rules=st.lists(cited_determinations, min_size=1, max_size=4))
def test_the_earliest_expiry_date_holds(rules: list[Determination]) -> None:
    """What expires with one rule must not be taken to last because of another."""
    combined = combine(rules)
    dates = [
        rule.expiry_date
        for rule in rules
        if rule.expiry_date and (rule.is_refusal or not combined.is_refusal)
    ]

    assert combined.expiry_date == min(dates, default=None)


def test_documents_for_an_authorization_stay_beside_those_for_something_else() -> None:
    """Each rule's purposes are kept."""
    for_authorization = documents_for(DocPurpose.WITH_PA)
    for_another = documents_for(DocPurpose.OTHER)

    assert combine([for_another, for_authorization]).doc_purpose == {
        DocPurpose.WITH_PA,
        DocPurpose.OTHER,
    }


def documents_for(purpose: DocPurpose) -> Determination:
    """A rule that covers, and wants an authorization and documents for this."""
    return replace(
        needing("auth-needed"),
        doc_needed=frozenset({DocNeeded.CLINICAL}),
        doc_purpose=frozenset({purpose}),
    )


@pytest.mark.crd("hook-19")
def test_what_is_asked_later_takes_forms_and_purposes_with_it() -> None:
    """An early hook asks for no clinical or administrative documentation, nor what it is for."""
    asking = replace(documents_for(DocPurpose.WITH_PA), questionnaires=(FORM,))

    assert without_documentation(asking) == needing("auth-needed")


@pytest.mark.crd("hook-19")
@pytest.mark.parametrize("later", [DocNeeded.CLINICAL, DocNeeded.ADMIN])
def test_what_is_asked_early_too_stays_without_a_form_that_may_be_for_what_is_not(
    later: DocNeeded,
) -> None:
    """Documentation from the patient is not forbidden then; whose the form is, nobody can tell."""
    patient = frozenset({DocNeeded.PATIENT})
    asking = replace(documents_for(DocPurpose.WITH_CLAIM), doc_needed=patient | {later})

    assert without_documentation(replace(asking, questionnaires=(FORM,))) == replace(
        asking, doc_needed=patient, doc_purpose=frozenset()
    )


def test_what_the_patient_alone_must_supply_keeps_its_form_on_every_hook() -> None:
    """It may be asked for early, with all that goes with it."""
    asking = replace(
        documents_for(DocPurpose.WITH_CLAIM),
        doc_needed=frozenset({DocNeeded.PATIENT}),
        questionnaires=(FORM,),
    )

    assert without_documentation(asking) == asking


@pytest.mark.parametrize(
    ("yielded", "expected"),
    [
        ("ServiceRequest/1", Dependency(reference="ServiceRequest/1")),
        (
            {"reference": "Appointment/1/_history/2"},
            Dependency(reference="Appointment/1/_history/2"),
        ),
        (
            {"reference": "https://ehr.example.invalid/fhir/DeviceRequest/1", "display": "A pump"},
            Dependency(
                reference="https://ehr.example.invalid/fhir/DeviceRequest/1", display="A pump"
            ),
        ),
        (
            {"type": "ServiceRequest", "identifier": {"system": "s", "value": "7"}},
            Dependency(identifier=Identifier("s", "7")),
        ),
        ({"display": "the order before"}, Dependency(display="the order before")),
        ({"reference": "#contained"}, Dependency(reference="#contained")),
        ({"reference": "CarePlan/1"}, None),
        ({"reference": "Encounter/1"}, None),
        ({"type": "CarePlan", "display": "A plan"}, None),
    ],
    ids=repr,
)
def test_a_dependency_is_an_order_however_it_is_referred_to(
    yielded: Any, expected: Dependency | None
) -> None:
    """What is no order, the guide has no place for."""
    assert read_dependency(yielded) == expected


@pytest.mark.parametrize("yielded", ["", {}, 7, {"identifier": {"system": "s"}}, None], ids=repr)
def test_what_refers_to_nothing_is_no_dependency(yielded: Any) -> None:
    """It must not be lost without a word."""
    with pytest.raises(ValueError, match="a dependency has"):
        read_dependency(yielded)
