"""How long a request may take, by a clock that stands still."""

from typing import Any

import pytest
from outbound.getting import MEDIA_TYPE, TOKEN
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter
from requests.exceptions import ConnectTimeout
from urllib3 import Timeout

from cds_service.errors import RequestFailed
from cds_service.outbound.access import Access
from cds_service.outbound.response import LATE
from cds_service.outbound.transport import Transport

BASE = "https://ehr.example.invalid/fhir"
NOW = 1000.0  # seconds, on the clock


class BlackHole(BaseAdapter):
    """An adapter that never connects, and remembers how long it was to try."""

    def __init__(self) -> None:
        super().__init__()
        self.timeouts: list[Timeout] = []

    def send(self, _request: PreparedRequest, **options: Any) -> Response:  # type: ignore[override]
        self.timeouts.append(options["timeout"])
        raise ConnectTimeout

    def close(self) -> None:
        """Nothing to let go of."""


def failure(adapter: BaseAdapter, *, expires: float, deadline: float) -> RequestFailed:
    """Why a get over `adapter` fails, as it must."""
    access = Access(base=BASE, token=TOKEN, expires=expires)
    transport = Transport(adapter, accept=MEDIA_TYPE, clock=lambda: NOW)
    with pytest.raises(RequestFailed) as raised:
        transport.get(f"{BASE}/Patient/1", access, deadline)
    return raised.value


def test_connecting_takes_no_longer_than_the_token_lives() -> None:
    """B8: the token leaves once connected, so a server that accepts later must not get it."""
    adapter = BlackHole()
    failure(adapter, expires=NOW + 5, deadline=NOW + 60)

    assert [timeout.connect_timeout for timeout in adapter.timeouts] == [5]


def test_connecting_takes_no_longer_than_the_deadline_allows() -> None:
    """A token that lives longer gives no more time."""
    adapter = BlackHole()
    failure(adapter, expires=NOW + 60, deadline=NOW + 5)

    assert [timeout.connect_timeout for timeout in adapter.timeouts] == [5]


def test_a_response_may_take_as_long_as_the_deadline_allows() -> None:
    """A token that has left in time need not live until the response is there."""
    adapter = BlackHole()
    failure(adapter, expires=NOW + 5, deadline=NOW + 60)

    assert [timeout.total for timeout in adapter.timeouts] == [60]


@pytest.mark.parametrize(
    ("expires", "deadline", "cause"),
    [(NOW, NOW + 60, "the access token has expired"), (NOW + 60, NOW, LATE)],
)
def test_what_cannot_be_in_time_is_not_sent(expires: float, deadline: float, cause: str) -> None:
    """B8, bar: no use after expiry. It is no failure of the server either."""
    adapter = BlackHole()
    raised = failure(adapter, expires=expires, deadline=deadline)

    assert (type(raised), str(raised)) == (RequestFailed, cause)
    assert adapter.timeouts == []
