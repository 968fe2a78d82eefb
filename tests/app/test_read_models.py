"""Read models are made at first use, once, and never by a start or by a call."""

from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from threading import Event, Lock, Thread

import pytest

from cds_service.app.read_models import Lazily, ReadModels
from cds_service.app.revision import read_revision
from cds_service.app.service import build_service
from cds_service.app.site import open_site_of
from cds_service.audit.log import NoLog
from cds_service.errors import BeingMade
from cds_service.settings import Settings

NOW = datetime(2026, 11, 27, tzinfo=UTC)


def make(made: list[int]) -> str:
    """A value, and a mark that it was made."""
    made.append(1)
    return "made"


def test_a_value_is_made_when_it_is_first_asked_for() -> None:
    """Not before, and not again."""
    made: list[int] = []
    value = Lazily(partial(make, made), Lock())

    assert made == []
    assert (value(), value()) == ("made", "made")
    assert made == [1]


def test_nobody_waits_for_a_value_that_another_makes() -> None:
    """Who asks meanwhile, for what shares its lock too, is told to ask again; it is made once."""
    made: list[int] = []
    begun, may_end, lock = Event(), Event(), Lock()

    def make_slowly() -> str:
        begun.set()
        assert may_end.wait(60)
        return make(made)

    value, beside = Lazily(make_slowly, lock), Lazily(partial(make, made), lock)
    thread = Thread(target=value)
    thread.start()
    assert begun.wait(60)
    try:
        for asked in (value, beside):
            with pytest.raises(BeingMade) as caught:
                asked()
            assert (caught.value.status, caught.value.retry_after) == (503, 1)
    finally:
        may_end.set()
        thread.join()

    assert (value(), made) == ("made", [1])


def test_a_probe_is_answered_while_what_is_shown_is_being_made() -> None:
    """However many look at it: each thread that waited would be one less for the probes."""
    service = build_service(Settings(), ehr=None, log=NoLog())
    lock = Lock()
    site = open_site_of(
        replace(read_revision(service, NOW), shown=ReadModels(service, NOW, lock)),
        Settings(),
        memory=None,
        circuits=dict,
        workplace=None,
    )
    client = site.app.test_client()
    with closing(site), lock:
        looked = [client.get(path) for path in ("/fhir", "/coverage-list", "/policies")]
        probed = client.get("/livez")

    assert [(seen.status_code, seen.headers["Retry-After"]) for seen in looked] == [(503, "1")] * 3
    assert [seen.json["issue"][0]["code"] for seen in looked if seen.json] == ["transient"] * 3
    assert probed.status_code == 200


def test_what_could_not_be_made_is_tried_again() -> None:
    """A failure is not kept for a value."""
    tries: list[int] = []

    def fail_once() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise MemoryError
        return "made"

    value = Lazily(fail_once, Lock())
    with pytest.raises(MemoryError):
        value()

    assert value() == "made"


def test_the_models_are_of_the_service_and_its_beginning() -> None:
    """Each the same whenever it is looked at."""
    service = build_service(Settings(), ehr=None, log=NoLog())
    shown = ReadModels(service, NOW)

    assert shown.rest.digest == service.recorder.library
    assert shown.rest.since == shown.coverage_list.since == NOW
    assert shown.pages is shown.pages
    assert len(shown.pages.listed.policies) == len(service.index.policies)
    assert shown.operations.library is service.library
