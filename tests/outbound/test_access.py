"""Which addresses may be asked, and with which token."""

from ipaddress import ip_address
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outbound.getting import TOKEN
from urllib3.util import parse_url

from cds_service.errors import RequestFailed
from cds_service.outbound.access import Access, check_access


def access(base: str) -> Access:
    """An access that does not expire."""
    return Access(base=base, token=TOKEN, expires=float("inf"))


def test_a_token_is_not_shown() -> None:
    """R5: an Access in a log or a trace does not give its token away."""
    shown = repr(access("https://ehr.example.invalid"))

    assert TOKEN not in shown


@pytest.mark.cds_hooks("request-5", "security-2")
@pytest.mark.crd("sec-2", "sec-1")
@pytest.mark.parametrize(
    "host",
    [
        "ehr.example.invalid",
        "localhost.example.invalid",
        "my-localhost",
        "127.0.0.1.example.invalid",
        "10.0.0.1",
        "0.0.0.0",  # noqa: S104
        "[::ffff:10.0.0.1]",
    ],
)
def test_a_listed_server_elsewhere_is_not_asked_without_tls(host: str) -> None:
    """R4, R8: refused even if an operator lists it, and however like this machine it is called."""
    base = f"http://{host}/fhir"

    with pytest.raises(RequestFailed, match="without TLS"):
        check_access(access(base), [base])


@pytest.mark.parametrize(
    ("base", "token"),
    [(f"http://127.0.0.1/{'x' * 3_000_000}", TOKEN), ("http://127.0.0.1", "x" * 20_000)],
)
def test_a_value_as_long_as_a_body_is_refused_before_anything_is_kept(
    base: str, token: str
) -> None:
    """121 addresses of 3 MB must not cost a gigabyte."""
    with pytest.raises(RequestFailed):
        check_access(Access(base=base, token=token, expires=float("inf")), ())


@settings(max_examples=200, deadline=None)
@given(rest=st.text(alphabet="127.0:/@#?[]\\%lochast ", max_size=24))
def test_every_parser_takes_an_address_let_through_for_this_machine(rest: str) -> None:
    """What is checked is what requests and urllib3 will connect to."""
    base = f"http://127.0.0.1{rest}"
    try:
        check_access(access(base), ())
    except RequestFailed:
        return

    assert urlsplit(base).hostname == parse_url(base).host
    assert ip_address(urlsplit(base).hostname or "").is_loopback
