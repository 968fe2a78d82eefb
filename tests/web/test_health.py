"""Probes: alive while the process is, ready while calls may come."""

from typing import Any

import pytest
from flask import Flask

from cds_service.audit.health import StoreHealth
from cds_service.web.health import Readiness, create_health

NOT_READY: dict[str, tuple[StoreHealth, str]] = {
    "store": (StoreHealth(writable=False, why="the disk is full"), "the disk is full"),
    "journal": (StoreHealth(journal_bytes=900, journal_limit=1000), "the journal is nearly full"),
    "checkpoints": (StoreHealth(sequencer_lag_seconds=4000.0), "without a checkpoint"),
}


def probe(readiness: Readiness, path: str) -> tuple[int, Any]:
    """Status and body of a probe."""
    app = Flask("probed", static_folder=None)
    app.register_blueprint(create_health(readiness))
    response = app.test_client().get(path)
    assert response.headers["Cache-Control"] == "no-store"
    return response.status_code, response.get_json()


def failing(body: Any) -> dict[str, str]:
    """The checks that fail, and why."""
    return {check["name"]: check["cause"] for check in body["checks"] if not check["ok"]}


def test_a_service_whose_parts_are_well_is_ready() -> None:
    """All checks are named, and all hold."""
    status, body = probe(Readiness(policies=lambda: 2, store=StoreHealth), "/readyz")

    assert (status, body["ready"], failing(body)) == (200, True, {})
    assert [check["name"] for check in body["checks"]] == [
        "running",
        "library",
        "policies",
        "clock",
        "store",
        "journal",
        "checkpoints",
    ]


def test_policies_that_are_refused_take_no_instance_out() -> None:
    """Those in service go on answering: ready, and the probe tells why the new ones are not."""
    cause = "ValueSet-x.json: $.url: missing"
    readiness = Readiness(policies=lambda: 2, store=StoreHealth, behind=lambda: cause)

    status, body = probe(readiness, "/readyz")

    assert (status, body["ready"], failing(body)) == (200, True, {})
    assert {"name": "policies", "ok": True, "cause": cause} in body["checks"]


@pytest.mark.parametrize("name", NOT_READY)
def test_what_does_not_hold_is_named_with_its_cause(name: str) -> None:
    """One thing that fails is enough, and it alone is named."""
    store, cause = NOT_READY[name]

    status, body = probe(Readiness(policies=lambda: 2, store=lambda: store), "/readyz")

    assert (status, body["ready"]) == (503, False)
    assert list(failing(body)) == [name]
    assert cause in failing(body)[name]


def test_without_policies_no_call_may_come() -> None:
    """An empty library answers nobody."""
    status, body = probe(Readiness(policies=lambda: 0, store=StoreHealth), "/readyz")

    assert (status, list(failing(body))) == (503, ["library"])


def test_a_service_that_stops_lives_and_is_not_ready() -> None:
    """A balancer sends no more calls, and nobody kills the process."""
    readiness = Readiness(policies=lambda: 2, store=StoreHealth)
    readiness.stopping()

    assert probe(readiness, "/readyz")[0] == 503
    assert probe(readiness, "/livez") == (200, {"live": True})


def test_a_journal_of_size_nothing_is_not_full() -> None:
    """Where there is no journal, none is nearly full."""
    store = StoreHealth(journal_limit=0)

    assert probe(Readiness(policies=lambda: 2, store=lambda: store), "/readyz")[0] == 200


def test_a_probe_tells_nobody_where_things_are() -> None:
    """A cause that holds a path is left to the log."""
    store = StoreHealth(writable=False, why="/var/lib/crd: no space")

    _, body = probe(Readiness(policies=lambda: 2, store=lambda: store), "/readyz")

    assert failing(body) == {"store": "records cannot be written"}


def test_a_probe_has_a_line_for_each_check() -> None:
    """People read it in a terminal."""
    app = Flask("probed", static_folder=None)
    app.register_blueprint(create_health(Readiness(policies=lambda: 2, store=StoreHealth)))

    lines = app.test_client().get("/readyz").text.splitlines()

    assert sum('"name"' in line for line in lines) == len(lines) - 2
