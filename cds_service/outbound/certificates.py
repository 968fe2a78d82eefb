"""How long the certificate of a server is valid, for who wants to know before it has ended."""

import socket
import ssl
from datetime import UTC, datetime
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from cds_service.errors import RequestFailed

_HTTPS = 443


def certificate_end(url: str, *, ca_file: str, seconds: float) -> datetime | None:
    """Until when the certificate at an address is valid; None without TLS.

    It is asked of a server that we have just had a response from.

    Raises:
        RequestFailed: it is not to be had within `seconds`, or is one that we do not trust.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        return None
    context = ssl.create_default_context(cafile=ca_file or DEFAULT_CA_BUNDLE_PATH)
    address = (parts.hostname, parts.port or _HTTPS)
    try:
        with (
            socket.create_connection(address, timeout=seconds) as plain,
            context.wrap_socket(plain, server_hostname=parts.hostname) as secure,
        ):
            certificate = secure.getpeercert() or {}
    except OSError as error:
        raise RequestFailed("its certificate is not to be had") from error
    ends = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    return datetime.fromtimestamp(ends, UTC)
