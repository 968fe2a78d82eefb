"""What a chart gains when the EHR is asked for what it misses."""

from collections.abc import Callable, Sequence
from itertools import count

from hook_requests import HOOK_INSTANCE, coverage
from scripted_ehr import ScriptedEhr, always

from cds_service.cds_hooks.request import HookRequest
from cds_service.crd.request.chart import Chart, read_chart
from cds_service.ehr.gather import MAX_ROUNDS, gather_chart
from cds_service.fhir.resource import JsonObject

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
    request = HookRequest(
        hook="order-sign",
        hook_instance=HOOK_INSTANCE,
        context={"patientId": "member-1"},
        prefetch={},
        extension={},
        fhir_server="https://ehr.example.invalid/fhir",
        fhir_authorization=authorization,
        body={},
    )
    return gather_chart(request, read_chart(request), missing_data, ehr, seconds=1.0)


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
