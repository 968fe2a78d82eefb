"""What a chart gains when the EHR is asked for what it misses."""

import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import count

import pytest
from hook_requests import HOOK_INSTANCE, coverage
from scripted_ehr import ScriptedEhr, always

from cds_service.cds_hooks.request import HookRequest
from cds_service.crd.request.chart import Chart, read_chart
from cds_service.ehr.gather import MAX_ROUNDS, Gathering, read_access
from cds_service.fhir.resource import Json, JsonObject

COVERAGE = coverage()
PAYER = {"resourceType": "Organization", "id": "payer"}
AUTHORIZATION: JsonObject = {"access_token": "invented"}
SEARCH, READ = "Coverage?patient=member-1", "Organization/payer"


def gather(
    ehr: ScriptedEhr,
    missing_data: Callable[[Chart], Sequence[str]],
    authorization: JsonObject = AUTHORIZATION,
) -> Chart:
    """The chart of a call that sent nothing, after asking."""
    request = call(authorization)
    gathering = Gathering(request, ehr, deadline=time.monotonic() + 1.0)
    return gathering.gather(read_chart(request), missing_data)


def call(authorization: JsonObject) -> HookRequest:
    """A call that sent nothing."""
    return HookRequest(
        hook="order-sign",
        hook_instance=HOOK_INSTANCE,
        context={"patientId": "member-1"},
        prefetch={},
        extension={},
        fhir_server="https://ehr.example.invalid/fhir",
        fhir_authorization=authorization,
        body={},
    )


def payer_behind_coverage(chart: Chart) -> list[str]:
    """A Coverage is missing, then its payer."""
    if not chart.of_type("Coverage"):
        return [SEARCH]
    return [] if chart.of_type("Organization") else [READ]


def test_the_ehr_is_asked_until_nothing_is_missing() -> None:
    """What one round brings is where the next one starts."""
    ehr = ScriptedEhr([COVERAGE, PAYER])
    chart = gather(ehr, payer_behind_coverage)

    assert ehr.queries == [SEARCH, READ]
    assert chart.resources == (COVERAGE, PAYER)


def test_all_rounds_of_a_call_share_one_deadline() -> None:
    """However many there are, the call ends in time."""
    ehr = ScriptedEhr([COVERAGE, PAYER])
    gather(ehr, payer_behind_coverage)

    assert len(ehr.deadlines) == 2
    assert len(set(ehr.deadlines)) == 1


def test_nothing_missing_is_nothing_asked() -> None:
    """What came with the call is enough."""
    ehr = ScriptedEhr([COVERAGE])
    gather(ehr, lambda _chart: [])

    assert ehr.deadlines == []


def test_a_call_that_may_not_query_asks_nothing() -> None:
    """Without a token there is no asking (CDS Hooks, fhirAuthorization)."""
    ehr = ScriptedEhr([COVERAGE])
    chart = gather(ehr, payer_behind_coverage, {"access_token": ""})

    assert (ehr.deadlines, chart.resources) == ([], ())


def test_asking_ends_though_something_is_always_missing() -> None:
    """A chain that never ends is not followed for ever."""
    ehr, numbers = ScriptedEhr(fails=always), count()
    gather(ehr, lambda _chart: [f"Organization/{next(numbers)}"])

    assert len(ehr.deadlines) == MAX_ROUNDS


@pytest.mark.crd("sec-1")
@pytest.mark.parametrize(
    ("expires_in", "seconds"), [(300, 300), ("60", 60), (None, 30), ("soon", 30)]
)
def test_a_token_lives_as_long_as_it_says_or_half_a_minute(expires_in: Json, seconds: int) -> None:
    """CRD found-22: no use after expiry, and no long use of a token that does not say."""
    before = time.monotonic()
    access = read_access(call({**AUTHORIZATION, "expires_in": expires_in}))

    assert before + seconds <= access.expires <= time.monotonic() + seconds


@pytest.mark.parametrize("expires_in", [0, -1, -5, "-5", Decimal("-0.5"), -99_999_999_999])
def test_a_token_whose_time_is_over_has_expired(expires_in: Json) -> None:
    """CRD found-22: what says that it has expired is not one that does not say."""
    access = read_access(call({**AUTHORIZATION, "expires_in": expires_in}))

    assert access.expires <= time.monotonic()


def test_an_ehr_is_asked_under_the_trace_of_the_call() -> None:
    """Its operators and ours find the same call (W3C Trace Context)."""
    assert read_access(call(AUTHORIZATION), trace_id="4bf9").trace_id == "4bf9"
