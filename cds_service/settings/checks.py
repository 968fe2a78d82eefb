"""Settings that make sense alone and not together: they stop the start too."""

import ipaddress
from urllib.parse import urlsplit

from cds_service.errors import SettingError
from cds_service.settings.table import Settings

_SHARED_DATABASE = "postgresql"  # which several hosts may use; a SQLite file one has for itself


def check_settings(settings: Settings) -> None:
    """Pass settings that keep strangers out, or this service on this machine (design: 4.14).

    Raises:
        SettingError: they do not; names what to set.
    """
    if settings.auth == "jwt":
        _check_clients_are_known(settings)
    elif not settings.allow_open and not is_loopback(settings.host):
        raise SettingError(
            "host",
            f"{settings.host} is reachable by others and anyone may call; keep strangers out with "
            "--auth jwt (CRD_AUTH), or say that anyone may call with --allow-open (CRD_ALLOW_OPEN)",
        )


def _check_clients_are_known(settings: Settings) -> None:
    if not settings.clients:
        raise SettingError(
            "clients", "with --auth jwt (CRD_AUTH) a file of the clients that may call is needed"
        )
    if not settings.base_url:
        raise SettingError(
            "base_url",
            "with --auth jwt (CRD_AUTH) the URL that clients call is needed: "
            "their tokens are for it (CDS Hooks, aud)",
        )
    called = urlsplit(settings.base_url)
    if called.scheme != "https" and not is_loopback(called.hostname or ""):
        raise SettingError(
            "base_url",
            "clients that call an address without TLS send patients and tokens in clear: "
            "give the https URL of the proxy before this service",
        )


def check_shared_keys(settings: Settings) -> None:
    """Pass a service whose keys are as shared as its database: none of several makes its own.

    Raises:
        SettingError: a key file has to be set.
    """
    if not settings.database.startswith(_SHARED_DATABASE):
        return
    keys = {"audit_key": settings.audit_key, "checkpoint_key": settings.checkpoint_key}
    if settings.auth == "jwt":
        keys["token_key"] = settings.token_key
    for name, file in keys.items():
        if not file:
            raise SettingError(
                name, "a database that several hosts may use needs a key file that all have alike"
            )


def is_loopback(host: str) -> bool:
    """Whether an address, or the name `localhost`, is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
