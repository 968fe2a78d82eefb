"""The coverage-information extension, judged by a checker written from the standard alone."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from coverage_information_rules import PARTS, VERSIONS, order_violations, read_parts, violations
from fakes import builtin_index
from hypothesis import example, given, settings
from hypothesis import strategies as st
from library_answers import library_determinations
from made_determinations import determinations

from cds_service.crd.codes import (
    COVERAGE_DETAIL,
    Covered,
    DetailCategory,
    DocNeeded,
    DocPurpose,
    InfoNeeded,
    PaNeeded,
)
from cds_service.crd.decision.dependency import Dependency
from cds_service.crd.decision.determination import Contact, Detail, Determination, Reason
from cds_service.crd.response.coverage_information import (
    Assertion,
    own_repetitions,
    repetition,
    states_the_same,
)
from cds_service.crd.response.versions import WRITTEN_VERSIONS
from cds_service.fhir.coding import Coding
from cds_service.fhir.reference import ResourceKey

JsonObject = dict[str, Any]

COVERAGE = ResourceKey("Coverage", "c1")
ASSERTION = Assertion(coverage=COVERAGE, day=date(2026, 11, 20), id="a-1")
BECAUSE = (Reason(text="because"),)


def write(
    determination: Determination, version: str = "2.2", assertion: Assertion = ASSERTION
) -> JsonObject:
    return repetition(WRITTEN_VERSIONS[version].write_parts(determination, assertion))


def codes(determination: Determination, name: str, version: str) -> list[Any]:
    found: list[Any] = read_parts(write(determination, version)).get(name, [])
    return found


def conditional(*needed: InfoNeeded, **elements: Any) -> Determination:
    info = frozenset(needed or {InfoNeeded.OTHER})
    return Determination(
        **{"covered": Covered.CONDITIONAL, "info_needed": info, "reasons": BECAUSE, **elements}
    )


def documents(*needed: DocNeeded) -> Determination:
    """A rule that covers and wants documentation, all of it or what depends on something."""
    depends = DocNeeded.CONDITIONAL in needed
    return Determination(
        covered=Covered.COVERED,
        doc_needed=frozenset(needed),
        info_needed=frozenset({InfoNeeded.OTHER}) if depends else frozenset(),
        reasons=BECAUSE,
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_every_determination_of_the_library_has_the_shape_its_version_wants(version: str) -> None:
    """Cardinalities, value types, codes and both readings of the invariants hold for them all."""
    said = library_determinations(builtin_index())

    assert len(said) > 70
    assert [
        problem
        for determination in said
        for problem in violations(write(determination, version), version)
    ] == []


@pytest.mark.parametrize("version", VERSIONS)
@settings(max_examples=75, deadline=None)
@given(determination=determinations())
@example(
    determination=Determination(
        covered=Covered.CONDITIONAL, info_needed=frozenset({InfoNeeded.DETAIL_CODE})
    )
)
def test_any_determination_at_all_has_the_shape_its_version_wants(
    version: str, determination: Determination
) -> None:
    """Whatever a policy may say, no version's client is sent what it forbids."""
    assert violations(write(determination, version), version) == []


@settings(max_examples=50, deadline=None)
@given(determination=determinations())
def test_an_older_version_never_says_anything_looser(determination: Determination) -> None:
    """`covered` stays or becomes `conditional`; no authorization is waived and none invented."""
    newest = read_parts(write(determination))
    for version in ("2.0", "2.1"):
        older = read_parts(write(determination, version))

        assert older["covered"][0] in (newest["covered"][0], "conditional")
        assert older.get("pa-needed", [None])[0] in (
            newest.get("pa-needed", [None])[0],
            "conditional",
        )


@settings(max_examples=50, deadline=None)
@given(determination=determinations())
def test_writing_is_the_same_each_time(determination: Determination) -> None:
    """Equal determinations are equal bytes, and no writer changes what it was given."""
    once = [write(determination, version) for version in VERSIONS]

    assert [write(determination, version) for version in VERSIONS] == once


def test_the_parts_stand_in_the_order_of_the_guide() -> None:
    """Readers who look at JSON find the parts where the guide's table has them."""
    names = [part["url"] for part in write(conditional(), "2.2")["extension"]]
    guide = list(PARTS["2.2"])

    assert names == sorted(names, key=guide.index)


def test_codes_of_one_element_are_sorted() -> None:
    """A set has no order; what is written has."""
    determination = Determination(
        covered=Covered.COVERED, doc_needed=frozenset({DocNeeded.PATIENT, DocNeeded.ADMIN})
    )

    assert codes(determination, "doc-needed", "2.2") == ["admin", "patient"]


# crd-server.md 3.4, row by row: the determination, the version, the part, what it must come to.
INDETERMINATE = Determination(covered=Covered.INDETERMINATE, reasons=BECAUSE)
NOT_COVERED = Determination(covered=Covered.NOT_COVERED)
COVERED = Determination(covered=Covered.COVERED)
DOCUMENTS = Determination(
    covered=Covered.COVERED, doc_needed=frozenset({DocNeeded.CLINICAL, DocNeeded.ADMIN})
)
FROM_THE_PATIENT = Determination(covered=Covered.COVERED, doc_needed=frozenset({DocNeeded.PATIENT}))
FROM_TWO = documents(DocNeeded.PATIENT, DocNeeded.ADMIN)
FROM_THREE = documents(DocNeeded.PATIENT, DocNeeded.ADMIN, DocNeeded.CLINICAL)
PERHAPS_CLINICAL = documents(DocNeeded.CONDITIONAL, DocNeeded.CLINICAL)
PERHAPS_ANY = documents(*DocNeeded)
WITH_EXPIRY = Determination(covered=Covered.COVERED, expiry_date=date(2027, 1, 1))
NEEDS_CODE = conditional(InfoNeeded.DETAIL_CODE)
FOR_AUTHORIZATION = Determination(
    covered=Covered.COVERED,
    pa_needed=PaNeeded.AUTH_NEEDED,
    doc_needed=frozenset({DocNeeded.CLINICAL}),
    doc_purpose=frozenset({DocPurpose.WITH_PA, DocPurpose.WITH_CLAIM}),
    reasons=BECAUSE,
)
FOR_BOTH = replace(FOR_AUTHORIZATION, doc_purpose=frozenset({DocPurpose.WITH_PA, DocPurpose.OTHER}))
DEPENDS = Determination(
    covered=Covered.COVERED,
    dependencies=(
        Dependency(reference="ServiceRequest/1"),
        Dependency(reference="VisionPrescription/2"),
    ),
)
PA_UNKNOWN = Determination(
    covered=Covered.COVERED, pa_needed=PaNeeded.INDETERMINATE, reasons=BECAUSE
)

TABLE: list[tuple[str, Determination, str, str, list[Any]]] = [
    ("covered needs pa-needed in 2.0", COVERED, "2.0", "pa-needed", ["conditional"]),
    ("covered alone is well in 2.1", COVERED, "2.1", "pa-needed", []),
    ("covered alone is well in 2.2", COVERED, "2.2", "pa-needed", []),
    ("not-covered has pa-needed in 2.0", NOT_COVERED, "2.0", "pa-needed", ["conditional"]),
    ("not-covered says OTH in 2.0", NOT_COVERED, "2.0", "info-needed", ["OTH"]),
    ("not-covered has no pa-needed in 2.1", NOT_COVERED, "2.1", "pa-needed", []),
    ("not-covered has no pa-needed in 2.2", NOT_COVERED, "2.2", "pa-needed", []),
    ("not-covered stays itself in 2.0", NOT_COVERED, "2.0", "covered", ["not-covered"]),
    ("indeterminate is conditional in 2.0", INDETERMINATE, "2.0", "covered", ["conditional"]),
    ("indeterminate says OTH in 2.0", INDETERMINATE, "2.0", "info-needed", ["OTH"]),
    ("indeterminate is conditional in 2.1", INDETERMINATE, "2.1", "covered", ["conditional"]),
    ("indeterminate says OTH in 2.1", INDETERMINATE, "2.1", "info-needed", ["OTH"]),
    ("indeterminate stays in 2.2", INDETERMINATE, "2.2", "covered", ["indeterminate"]),
    ("indeterminate needs no info in 2.2", INDETERMINATE, "2.2", "info-needed", []),
    ("an unknown pa-needed is conditional in 2.1", PA_UNKNOWN, "2.1", "pa-needed", ["conditional"]),
    ("an unknown pa-needed says OTH in 2.1", PA_UNKNOWN, "2.1", "info-needed", ["OTH"]),
    ("an unknown pa-needed stays in 2.2", PA_UNKNOWN, "2.2", "pa-needed", ["indeterminate"]),
    ("two documents are `both` in 2.0", DOCUMENTS, "2.0", "doc-needed", ["both"]),
    ("two documents are two in 2.1", DOCUMENTS, "2.1", "doc-needed", ["admin", "clinical"]),
    ("two documents are two in 2.2", DOCUMENTS, "2.2", "doc-needed", ["admin", "clinical"]),
    (
        "what depends is `conditional` in 2.0",
        PERHAPS_CLINICAL,
        "2.0",
        "doc-needed",
        ["conditional"],
    ),
    ("what depends counts before `both` in 2.0", PERHAPS_ANY, "2.0", "doc-needed", ["conditional"]),
    (
        "what depends stands beside the rest in 2.1",
        PERHAPS_CLINICAL,
        "2.1",
        "doc-needed",
        ["clinical", "conditional"],
    ),
    ("patient and administration are one in 2.0", FROM_TWO, "2.0", "doc-needed", ["admin"]),
    (
        "patient and administration are two in 2.1",
        FROM_TWO,
        "2.1",
        "doc-needed",
        ["admin", "patient"],
    ),
    ("with a clinician they are `both` in 2.0", FROM_THREE, "2.0", "doc-needed", ["both"]),
    ("the patient is the administration in 2.0", FROM_THE_PATIENT, "2.0", "doc-needed", ["admin"]),
    ("the patient is named in 2.1", FROM_THE_PATIENT, "2.1", "doc-needed", ["patient"]),
    ("no expiry date in 2.0", WITH_EXPIRY, "2.0", "expiry-date", []),
    ("an expiry date in 2.1", WITH_EXPIRY, "2.1", "expiry-date", ["2027-01-01"]),
    ("an expiry date in 2.2", WITH_EXPIRY, "2.2", "expiry-date", ["2027-01-01"]),
    (
        "with the authorization in 2.0",
        FOR_AUTHORIZATION,
        "2.0",
        "doc-purpose",
        ["withclaim", "withpa"],
    ),
    (
        "with the authorization is OTH in 2.1",
        FOR_AUTHORIZATION,
        "2.1",
        "doc-purpose",
        ["OTH", "withclaim"],
    ),
    (
        "with the authorization is OTH in 2.2",
        FOR_AUTHORIZATION,
        "2.2",
        "doc-purpose",
        ["OTH", "withclaim"],
    ),
    ("another purpose stays beside it in 2.0", FOR_BOTH, "2.0", "doc-purpose", ["OTH", "withpa"]),
    ("another purpose is the same OTH in 2.2", FOR_BOTH, "2.2", "doc-purpose", ["OTH"]),
    (
        "no dependency on glasses in 2.0",
        DEPENDS,
        "2.0",
        "dependency",
        [{"reference": "ServiceRequest/1"}],
    ),
    (
        "no dependency on glasses in 2.1",
        DEPENDS,
        "2.1",
        "dependency",
        [{"reference": "ServiceRequest/1"}],
    ),
    (
        "a dependency on glasses in 2.2",
        DEPENDS,
        "2.2",
        "dependency",
        [{"reference": "ServiceRequest/1"}, {"reference": "VisionPrescription/2"}],
    ),
    ("detail-code is OTH in 2.0", NEEDS_CODE, "2.0", "info-needed", ["OTH"]),
    ("detail-code is OTH in 2.1", NEEDS_CODE, "2.1", "info-needed", ["OTH"]),
    ("detail-code stays in 2.2", NEEDS_CODE, "2.2", "info-needed", ["detail-code"]),
]


@pytest.mark.parametrize(
    ("determination", "version", "name", "expected"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_down_conversion_follows_the_table(
    determination: Determination, version: str, name: str, expected: list[Any]
) -> None:
    """Each row of the table of shapes is kept."""
    assert codes(determination, name, version) == expected


@pytest.mark.parametrize("version", ["2.1", "2.2"])
@settings(max_examples=50, deadline=None)
@given(determination=determinations())
def test_withpa_never_reaches_a_client_of_2_1_or_2_2(
    version: str, determination: Determination
) -> None:
    """The crd-ci-q4 published with them rejects it beside anything at all."""
    assert "withpa" not in codes(determination, "doc-purpose", version)


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_a_dependency_an_older_version_cannot_state_is_stated_in_words(version: str) -> None:
    """Going down loses nothing that the service depends on."""
    (reason,) = codes(DEPENDS, "reason", version)

    assert reason == {"text": "This depends on another order: VisionPrescription/2."}


@pytest.mark.crd("hook-19")
@pytest.mark.parametrize(
    ("primary", "version", "asked"),
    [
        (True, "2.0", ["admin"]),
        (True, "2.2", ["patient"]),
        (False, "2.0", []),
        (False, "2.1", ["patient"]),
        (False, "2.2", ["patient"]),
    ],
)
def test_an_early_hook_asks_no_2_0_client_for_administrative_documentation(
    primary: bool, version: str, asked: list[str]
) -> None:
    """Which is how 2.0 words what the patient must supply."""
    early = replace(ASSERTION, primary=primary)
    written = read_parts(write(FROM_THE_PATIENT, version, early))

    assert written.get("doc-needed", []) == asked


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_before_2_2_a_reason_says_that_a_code_is_needed(version: str) -> None:
    """`detail-code` was a reason code before it was an information code."""
    (reason,) = codes(NEEDS_CODE, "reason", version)

    assert {
        "system": "http://hl7.org/fhir/us/davinci-crd/CodeSystem/temp",
        "code": "detail-code",
    } in reason["coding"]


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_before_2_2_a_needed_code_is_asked_for_even_if_no_reason_was_given(version: str) -> None:
    """2.2 lets `detail-code` stand without a reason; written as OTH it needs one (crd-ci-q6)."""
    determination = Determination(
        covered=Covered.CONDITIONAL, info_needed=frozenset({InfoNeeded.DETAIL_CODE})
    )

    assert codes(determination, "reason", version) != []


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_nothing_is_asked_for_twice(version: str) -> None:
    """`detail-code` and `OTH` are both OTH before 2.2, and said once."""
    determination = conditional(InfoNeeded.DETAIL_CODE, InfoNeeded.OTHER)

    assert codes(determination, "info-needed", version) == ["OTH"]


@pytest.mark.parametrize("version", VERSIONS)
def test_no_detail_has_a_category_before_2_2(version: str) -> None:
    """`detail/category` is 1..1 in 2.2 and undefined before."""
    (detail,) = codes(
        with_detail("allowed-quantity", "valueQuantity", {"value": Decimal("1.50")}),
        "detail",
        version,
    )

    assert ("category" in detail) == (version == "2.2")


@pytest.mark.parametrize(("version", "links"), [("2.0", 0), ("2.1", 1), ("2.2", 1)])
def test_a_link_is_a_detail_from_2_1_on(version: str, links: int) -> None:
    """2.0 has no `valueUrl`."""
    determination = with_detail("policy-link", "valueUrl", "https://policies.example.invalid/1")

    assert len(codes(determination, "detail", version)) == links


def test_2_0_names_instructions_in_words() -> None:
    """The code came with 2.1; the words are kept."""
    (detail,) = codes(with_detail("instructions", "valueString", "do this"), "detail", "2.0")

    assert detail == {"code": [{"text": "Instructions"}], "value": ["do this"]}


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_before_2_2_each_way_to_reach_a_contact_is_a_contact_point(version: str) -> None:
    """ContactDetail came with 2.2."""
    determination = Determination(
        covered=Covered.COVERED,
        contacts=(Contact(name="Desk", telecom=(("fax", "1"), ("phone", "2"))),),
    )

    assert codes(determination, "contact", version) == [
        {"system": "fax", "value": "1"},
        {"system": "phone", "value": "2"},
    ]


@pytest.mark.parametrize(
    "contact", [Contact(name="", telecom=(("fax", "1"),)), Contact(name="Desk", telecom=())]
)
@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_contact_lacks_is_left_out(contact: Contact, version: str) -> None:
    """A ContactDetail needs neither name nor telecom, and CDS Hooks allows nothing empty."""
    assert (
        violations(
            write(Determination(covered=Covered.COVERED, contacts=(contact,)), version), version
        )
        == []
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_coding_lacks_is_left_out(version: str) -> None:
    """A reason's coding may come without a system; an empty one is not sent."""
    determination = Determination(
        covered=Covered.COVERED, reasons=(Reason(text="because", coding=Coding("", "local")),)
    )

    assert violations(write(determination, version), version) == []


def with_detail(code: str, value_type: str, value: Any) -> Determination:
    detail = Detail(
        category=DetailCategory.LIMITATION,
        code=Coding(COVERAGE_DETAIL, code),
        value_type=value_type,
        value=value,
    )
    return Determination(covered=Covered.COVERED, details=(detail,))


@pytest.mark.crd("resp-35")
@settings(max_examples=50, deadline=None)
@given(determination=determinations(), order=st.randoms(use_true_random=False))
def test_the_same_facts_in_another_order_and_with_another_date_and_id_are_the_same(
    determination: Determination, order: Any
) -> None:
    """Dates, ids and the order of parts are no facts."""
    ours = write(determination)
    theirs = write(
        determination, assertion=Assertion(coverage=COVERAGE, day=date(2020, 1, 1), id="older")
    )
    order.shuffle(theirs["extension"])

    assert states_the_same([ours], [theirs])


@settings(max_examples=50, deadline=None)
@given(first=determinations(), other=determinations())
def test_different_facts_are_different(first: Determination, other: Determination) -> None:
    """Two determinations are the same exactly if they are written the same."""
    assert states_the_same([write(first)], [write(other)]) == (write(first) == write(other))


@pytest.mark.parametrize(
    "reference",
    ["Coverage/c1", "https://ehr.example.invalid/fhir/Coverage/c1", "Coverage/c1/_history/3"],
)
def test_our_repetition_is_found_however_the_client_writes_the_reference(reference: str) -> None:
    """Clients rewrite references to absolute or versioned ones."""
    ours = write(NOT_COVERED)
    ours["extension"][0]["valueReference"]["reference"] = reference

    assert own_repetitions({"extension": [ours]}, COVERAGE) == (ours,)


@pytest.mark.parametrize(
    "extension",
    [
        {"url": "https://else.example.invalid"},
        {"url": "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"},
        {
            "url": "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information",
            "extension": [{}],
        },
        {
            "url": "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information",
            "extension": [{"url": "coverage", "valueReference": {"reference": "Coverage/another"}}],
        },
        {
            "url": "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information",
            "extension": [{"url": "coverage", "valueReference": "Coverage/c1"}],
        },
    ],
)
def test_what_is_not_certainly_ours_is_not_ours(extension: JsonObject) -> None:
    """Another coverage's repetition, and one that names none, are left alone."""
    assert own_repetitions({"extension": [extension]}, COVERAGE) == ()


# The checker itself: a judge that never objects proves nothing.
SOUND = write(Determination(covered=Covered.COVERED, pa_needed=PaNeeded.NO_AUTH))


@pytest.mark.parametrize(
    ("version", "added"),
    [
        ("2.2", {"url": "response", "valueReference": {"reference": "QuestionnaireResponse/1"}}),
        ("2.2", {"url": "date", "valueDate": "2026-01-01"}),
        ("2.2", {"url": "doc-needed", "valueCode": "both"}),
        ("2.2", {"url": "doc-purpose", "valueCode": "withclaim"}),
        ("2.2", {"url": "info-needed", "valueCode": "location"}),
        (
            "2.2",
            {"url": "reason", "valueCodeableConcept": {"coding": [{"system": "s", "code": "c"}]}},
        ),
        ("2.2", {"url": "contact", "valueContactPoint": {"system": "fax", "value": "1"}}),
        (
            "2.2",
            {
                "url": "detail",
                "extension": [{"url": "code", "valueCodeableConcept": {"text": "x"}}],
            },
        ),
        ("2.1", {"url": "contact", "valueContactDetail": {"name": "Desk"}}),
        ("2.1", {"url": "doc-needed", "valueCode": "indeterminate"}),
        ("2.1", {"url": "dependency", "valueReference": {"reference": "VisionPrescription/1"}}),
        ("2.2", {"url": "dependency", "valueReference": {"reference": "CarePlan/1"}}),
        ("2.0", {"url": "doc-purpose", "valueCode": "withpa"}),
        ("2.1", {"url": "questionnaire", "valueCanonical": "https://forms.example.invalid"}),
        ("2.0", {"url": "expiry-date", "valueDate": "2027-01-01"}),
        ("2.0", {"url": "doc-needed", "valueCode": "patient"}),
        ("2.0", {"url": "satisfied-pa-id", "valueString": "PA-1"}),
        ("2.0", {"url": "billingCode", "valueCoding": {}}),
    ],
)
def test_the_checker_objects_to_what_a_version_forbids(version: str, added: JsonObject) -> None:
    """Each addition to a sound repetition is one the tables forbid."""
    assert violations(SOUND, version) == []
    assert violations({**SOUND, "extension": [*SOUND["extension"], added]}, version) != []


def test_the_checker_wants_distinct_ids_for_distinct_coverages() -> None:
    """resp-32: an assertion id belongs to one coverage."""
    other = write(
        NOT_COVERED,
        assertion=Assertion(coverage=ResourceKey("Coverage", "c2"), day=ASSERTION.day, id="a-1"),
    )

    assert order_violations({"extension": [write(NOT_COVERED), other]}, "2.2") != []


def test_the_checker_wants_distinct_authorizations_for_distinct_coverages() -> None:
    """resp-32: a number belongs to one coverage."""
    number = {"url": "satisfied-pa-id", "valueString": "PA-1"}
    given = {"url": "pa-needed", "valueCode": "satisfied"}
    assertions = [
        Assertion(coverage=ResourceKey("Coverage", name), day=ASSERTION.day, id=name)
        for name in ("c1", "c2")
    ]
    both = [
        {**written, "extension": [*written["extension"], given, number]}
        for written in (write(COVERED, assertion=assertion) for assertion in assertions)
    ]

    assert order_violations({"extension": both[:1]}, "2.2") == []
    assert order_violations({"extension": both}, "2.2") == [
        "resp-32: two coverages share an authorization"
    ]
