"""The line of a call: what was asked and answered, and nothing of a patient."""

from web.log_lines import lines_of, written_logs
from web.seen_calls import TRACE, made_facts

from cds_service.crd.request.lookups import Lookup
from cds_service.web.call_facts import Query
from cds_service.web.call_log import log_call, log_refusal

LATE = "no response in time"


def test_a_call_is_one_line_of_its_facts() -> None:
    """Determinations by their codes, durations in milliseconds, queries with their causes."""
    facts = made_facts(
        seconds=0.5,
        durations={"read": 0.0015},
        determined={("not-covered", "none", "none"): 2, ("covered", "auth-needed", "clinical"): 1},
        reasons={"technical": 1},
        queries=(
            Query(resource="Coverage", result=Lookup.FAILED, cause=LATE),
            Query(resource="Patient", result=Lookup.FAILED, cause=LATE),
            Query(resource="Patient", result=Lookup.FOUND),
        ),
    )
    with written_logs() as stream:
        log_call(facts)
    (line,) = lines_of(stream)

    assert line["level"] == "info"
    assert {name: line[name] for name in list(line)[3:]} == {
        "message": "call",
        "event": "call",
        "trace": TRACE,
        "client": "clinic",
        "hook": "order-sign",
        "version": "2.2",
        "speaks": "2.2",
        "status": 200,
        "determinations": {"not-covered": 2, "covered auth-needed clinical": 1},
        "reasons": {"technical": 1},
        "queries": {"found": 1, "absent": 0, "failed": 2, "causes": {LATE: 2}},
        "durations": {"read": 1.5},
        "seconds": 0.5,
    }


def test_a_call_without_an_answer_for_our_fault_is_an_error_that_names_the_cause() -> None:
    """A 503 stands out, and says why."""
    with written_logs() as stream:
        log_call(made_facts(status=503, cause="the journal is full"))
    (line,) = lines_of(stream)

    assert (line["level"], line["status"], line["cause"]) == ("error", 503, "the journal is full")


def test_what_is_odd_in_a_call_is_a_line_of_its_own() -> None:
    """It names the call by its trace."""
    with written_logs() as stream:
        log_call(made_facts(oddities=("2 of 3 resources named are not at hand",)))
    _, odd = lines_of(stream)

    assert (odd["level"], odd["trace"]) == ("warning", TRACE)
    assert odd["message"] == "2 of 3 resources named are not at hand"


def test_a_refusal_names_the_path_as_it_is_declared() -> None:
    """What stands in its place may be an id."""
    with written_logs() as stream:
        log_refusal(made_facts(hook="none", status=401, cause="no-token"), "/assertions/<id>")
    (line,) = lines_of(stream)

    assert (line["event"], line["route"], line["cause"]) == (
        "refusal",
        "/assertions/<id>",
        "no-token",
    )


def test_a_quiet_service_writes_errors_alone() -> None:
    """With --log-level error, the lines of answered calls are not written."""
    with written_logs(level="error") as stream:
        log_call(made_facts())
        log_call(made_facts(status=503))

    assert [line["status"] for line in lines_of(stream)] == [503]
