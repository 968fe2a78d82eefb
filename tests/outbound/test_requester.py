"""A transport is opened for the first request, or at once where it may be unusable."""

import time
from contextlib import closing
from pathlib import Path
from threading import Barrier, Thread

import pytest
from fake_ehr import FakeEhr, bundle

from cds_service.errors import RequestFailed, SettingError
from cds_service.outbound.access import Access
from cds_service.outbound.requester import Requester

SECONDS = 30.0


def requester(ca_file: str = "") -> Requester:
    """One that keeps a connection."""
    return Requester(accept="*/*", servers=1, connections=1, clock=time.monotonic, ca_file=ca_file)


def get(asking: Requester, ehr: FakeEhr) -> int:
    """The status of a response."""
    access = Access(base=ehr.base, token="", expires=float("inf"), allowed=frozenset())
    return asking.get(f"{ehr.base}/Patient", access, time.monotonic() + SECONDS).status


def test_requests_that_come_at_once_share_one_transport() -> None:
    """They share its connections: that of the first serves the next."""
    with FakeEhr(bundle()) as ehr, closing(requester()) as asking:
        barrier, statuses = Barrier(4), list[int]()

        def ask() -> None:
            barrier.wait()
            statuses.append(get(asking, ehr))

        threads = [Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        before = ehr.connections
        assert [get(asking, ehr), get(asking, ehr)] == [200, 200]

    assert statuses == [200] * 4
    assert ehr.connections == before


def test_unusable_authorities_are_refused_at_once(tmp_path: Path) -> None:
    """A service does not start with them, and find out when a patient waits."""
    (tmp_path / "ca.pem").write_text("no certificate")

    with pytest.raises(SettingError, match="no PEM file of certificates"):
        requester(str(tmp_path / "ca.pem"))


def test_one_that_never_sent_anything_has_nothing_to_let_go_of() -> None:
    """Nor does it open anything for that."""
    requester().close()


def test_to_close_waits_for_what_is_being_opened() -> None:
    """A process that ended while TLS is loaded on another thread would crash."""
    opening = requester()
    thread = Thread(target=opening.open)
    thread.start()
    opening.close()

    assert not opening._opening.locked()
    thread.join(SECONDS)


def test_one_that_is_closed_opens_nothing() -> None:
    """A thread that comes too late finds the service stopping."""
    asking = requester()
    asking.close()
    asking.open()

    with FakeEhr(bundle()) as ehr, pytest.raises(RequestFailed, match="stopping"):
        get(asking, ehr)
    assert not asking._opened
