"""The addresses of ours that clients call, and the clients file, as commands about clients need."""

from pathlib import Path

from cds_service.access.backend_services import TOKEN_PATH
from cds_service.crd.request.hooks import HOOKS
from cds_service.errors import SettingError
from cds_service.settings import Settings


def clients_path(settings: Settings) -> Path:
    """The clients file that is set.

    Raises:
        SettingError: none is.
    """
    if not settings.clients:
        raise SettingError("clients", "name the clients file")
    return Path(settings.clients).expanduser()


def service_urls(settings: Settings) -> tuple[str, ...]:
    """Discovery and every service, as clients call them and as tokens name them (`aud`)."""
    base = f"{settings.links_base}/cds-services"
    return (base, *(f"{base}/{hook.service_id}" for hook in HOOKS.values()))


def token_url(settings: Settings) -> str:
    """Where clients of SMART Backend Services ask for access tokens."""
    return f"{settings.links_base}{TOKEN_PATH}"
