"""Attempts: an error names what was looked for, where, and what came back; never whom it is of."""

from typing import Any

import pytest
from every_hook import asked_about, call, with_token
from fakes import builtin_index
from hook_requests import bundle, coverage, patient

from cds_service.cds_hooks.request import HookRequestParser
from cds_service.crd.codes import PAYER_ID
from cds_service.crd.request.attempts import coverage_attempts, read_attempts
from cds_service.crd.request.chart import Chart, read_chart
from cds_service.crd.request.lookups import Lookup
from cds_service.crd.request.payor import describe_payor
from cds_service.errors import RequestFailed
from cds_service.fhir.reference import ResourceKey
from cds_service.fhir.resource import encode
from cds_service.outbound.access import Access, check_access
from cds_service.policy.payers import Payers

JsonObject = dict[str, Any]

SEARCH = "Coverage?patient=member-1&status=active"
ORDERS = [ResourceKey("ServiceRequest", name) for name in ("first-1", "second-2")]
OUTCOME: JsonObject = {"resourceType": "OperationOutcome"}
HIDDEN = ("member-1", "first-1", "second-2", "payer-7")


@pytest.fixture(scope="module")
def payers() -> Payers:
    """The payers of the built-in library."""
    return builtin_index().payers


def chart_of(request: JsonObject) -> Chart:
    """The chart of a call before anything is asked."""
    return read_chart(HookRequestParser(request["hook"]).parse(encode(request)))


def sent(**prefetch: Any) -> JsonObject:
    """A call with exactly this prefetch, and nowhere to ask."""
    return {**call("order-dispatch"), "prefetch": prefetch}


def no_one_is_named(words: str) -> bool:
    """Whether words hold none of the ids in these calls."""
    return not any(hidden in words for hidden in HIDDEN)


def test_a_call_that_brings_no_server_is_told_that_this_is_why() -> None:
    """The integrator sees that a query was due, and what kept it from being made."""
    words = coverage_attempts(chart_of(sent()))

    assert words == (
        "`prefetch` is empty; the query `Coverage?patient={id}&status=active` was not made: "
        "the request has no `fhirServer`"
    )


def test_a_call_that_brings_no_token_is_told_that_this_is_why() -> None:
    """A server alone is no access."""
    words = coverage_attempts(chart_of({**sent(), "fhirServer": "https://ehr.example.invalid"}))

    assert words.endswith("was not made: the request has no `fhirAuthorization.access_token`")


def test_a_call_that_could_ask_and_did_not_is_told_no_more() -> None:
    """`crd answer` asks nobody."""
    words = coverage_attempts(chart_of(with_token(sent())))

    assert words.endswith("the query `Coverage?patient={id}&status=active` was not made")


@pytest.mark.parametrize(
    ("prefetch", "words"),
    [
        ({"patient": patient()}, "Coverage is not in `prefetch`, whose keys are `patient`"),
        (
            {"patient": patient(), "member-1": bundle(), "other": None},
            "Coverage is not in `prefetch`, whose keys are `patient`, 2 of other names",
        ),
        ({"x": None}, "Coverage is not in `prefetch`, whose keys are 1 of names unknown here"),
        (
            {"coverage": OUTCOME},
            "Coverage is not in `prefetch`, whose keys are `coverage`: the client reports an error",
        ),
    ],
)
def test_prefetch_keys_are_named_where_they_are_names_of_types(
    prefetch: JsonObject, words: str
) -> None:
    """Any other key is the client's own word, and may hold anything."""
    assert coverage_attempts(chart_of(sent(**prefetch))).partition(";")[0] == words


@pytest.mark.parametrize("cause", ["HTTP status 401", "no response in time"])
def test_a_query_that_failed_is_named_without_its_id_and_with_its_cause(cause: str) -> None:
    """What the EHR's engineer looks up in his own log."""
    chart = chart_of(with_token(sent())).with_found([], {SEARCH: Lookup.FAILED}, {SEARCH: cause})

    words = coverage_attempts(chart)

    assert words.endswith(f"the query `Coverage?patient={{id}}&status=active` failed: {cause}")
    assert no_one_is_named(words)


def test_a_server_that_may_not_be_asked_is_told_with_how_to_list_it() -> None:
    """The setting is named as it is typed."""
    elsewhere = Access(base="https://ehr.example.invalid", token="", expires=1.0)
    with pytest.raises(RequestFailed) as refusal:
        check_access(elsewhere, ())
    chart = chart_of(with_token(sent())).with_found(
        [], {SEARCH: Lookup.FAILED}, {SEARCH: str(refusal.value)}
    )

    assert "`--ehr`" in coverage_attempts(chart)


def test_a_search_that_failed_is_not_taken_for_an_error_that_the_client_reports() -> None:
    """The client did not look; we did."""
    chart = chart_of(with_token(sent(patient=patient())))
    later = chart.with_found([], {SEARCH: Lookup.FAILED}, {SEARCH: "no response in time"})

    assert "the client reports" not in coverage_attempts(later)


def test_a_query_that_found_nothing_is_told_so() -> None:
    """Looking in vain is no failure."""
    chart = chart_of(with_token(sent())).with_found([], {SEARCH: Lookup.ABSENT})

    assert coverage_attempts(chart).endswith("found nothing")


def test_the_causes_of_several_reads_are_counted() -> None:
    """One line for a hundred orders."""
    names = [str(order) for order in ORDERS]
    chart = chart_of(with_token(sent())).with_found(
        [], dict.fromkeys(names, Lookup.FAILED), dict.fromkeys(names, "HTTP status 500")
    )

    words = read_attempts(ORDERS, chart)

    assert words.endswith("the query `ServiceRequest/{id}` failed: HTTP status 500 (2 times)")
    assert no_one_is_named(words)


def test_a_type_that_nobody_asks_about_is_not_repeated() -> None:
    """`Smith/1` has the shape of a reference."""
    words = read_attempts([ResourceKey("Smith", "1")], chart_of(sent()))

    assert "Smith" not in words


PAYORS: list[tuple[str, Any, str]] = [
    ("no payor", None, "the Coverage has no `payor`"),
    ("words", [{"display": "iCare"}], "it is in words"),
    ("no system", [{"identifier": {"value": "7"}}], "the one that came lacks one of them"),
    (
        "another payer",
        [{"identifier": {"system": "urn:oid:1.2", "value": "77"}}],
        "has the identifier of the Coverage's `payor[0]`: `urn:oid:1.2|77`",
    ),
    (
        "another system",
        [{"identifier": {"system": "urn:oid:1.2", "value": "ICARE"}}],
        f"`urn:oid:1.2|ICARE`; hosted here is `{PAYER_ID}|icare`, in another system",
    ),
    (
        "an Organization that did not come",
        [{"reference": "Organization/payer-7"}],
        "the query `Organization/{id}` was not made: the request has no `fhirServer`",
    ),
    ("a person", [{"reference": "Patient/member-1"}], "is no Organization"),
]


@pytest.mark.parametrize(
    ("payor", "words"), [row[1:] for row in PAYORS], ids=[r[0] for r in PAYORS]
)
def test_a_payer_not_hosted_is_told_by_what_came_and_what_is_hosted(
    payers: Payers, payor: Any, words: str
) -> None:
    """Which identifiers came, why there are none, and where to see those known here."""
    insured = coverage(payor=payor)
    chart = chart_of(sent(patient=patient(), coverage=insured))

    described = describe_payor(insured, chart, payers.identifiers)

    assert words in described
    assert f"`{PAYER_ID}|anthem`" in described
    assert "`GET /policies`" in described
    assert no_one_is_named(described)


@pytest.mark.parametrize(
    "payor",
    [
        {"reference": "Patient/member-1", "identifier": {"system": "urn:mrn", "value": "MRN-5"}},
        {"type": "RelatedPerson", "identifier": {"system": "urn:mrn", "value": "MRN-5"}},
        {"reference": "#gone", "identifier": {"system": "urn:mrn", "value": "MRN-5"}},
        {"identifier": {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "MRN-5"}},
        {
            "identifier": {
                "type": {"coding": [{"code": "MB"}]},
                "system": "urn:member",
                "value": "MRN-5",
            }
        },
    ],
)
def test_an_identifier_that_may_be_a_persons_is_never_told(
    payers: Payers, payor: JsonObject
) -> None:
    """Who pays for himself has a patient's identifier."""
    insured = coverage(payor=[payor])
    chart = chart_of(sent(patient=patient(), coverage=insured))

    assert "MRN-5" not in describe_payor(insured, chart, payers.identifiers)


def test_an_identifier_breaks_no_line_and_is_cut(payers: Payers) -> None:
    """It is still the client's own text."""
    long = {"system": "urn:x\nurn:y", "value": "7" * 5000}
    insured = coverage(payor=[{"identifier": long}])
    described = describe_payor(insured, chart_of(sent(coverage=insured)), payers.identifiers)

    assert "\n" not in described
    assert len(described) < 1000


def test_every_word_for_a_hook_s_own_reference_is_free_of_its_id() -> None:
    """Encounters and orders alike."""
    encounter = asked_about("encounter-start")
    words = read_attempts([ResourceKey("Encounter", encounter["id"])], chart_of(sent()))

    assert encounter["id"] not in words
    assert "`Encounter/{id}`" in words
