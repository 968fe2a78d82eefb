"""Where the parts of a store are, by the settings: what is backed up together and put back."""

import os
from collections.abc import Mapping
from pathlib import Path

from cds_service.access import token_key
from cds_service.audit import audit_key
from cds_service.audit.backup import Places
from cds_service.audit.sequencer import CHECKPOINTS
from cds_service.cli.audit.trust import key_path
from cds_service.settings import Settings
from cds_service.settings.sources import CONFIG, CONFIG_VARIABLE

_JOURNAL = "journal"


def places_of(settings: Settings, given: Mapping[str, str]) -> Places:
    """The places that settings name, `given` as options; what is there is another matter."""
    data = settings.data_path
    return Places(
        database=settings.database,
        journal=_file(settings.journal) or data / _JOURNAL,
        checkpoints=_checkpoints(settings),
        keys={
            "audit.key": _file(settings.audit_key) or data / audit_key.FILE_NAME,
            "checkpoint.key": key_path(settings),
            "token.key": _file(settings.token_key) or data / token_key.FILE_NAME,
        },
        settings={
            name: path
            for name, path in (
                ("crd.toml", _file(given.get(CONFIG) or os.environ.get(CONFIG_VARIABLE, ""))),
                ("clients.toml", _file(settings.clients)),
                ("authorizations.json", _file(settings.authorizations)),
            )
            if path
        },
    )


def _file(named: str) -> Path | None:
    return Path(named).expanduser() if named else None


def _checkpoints(settings: Settings) -> Path:
    """The file of them outside the database; beside a command or a URL, that in the data."""
    chosen = settings.checkpoints
    is_file = chosen and not chosen.startswith("exec:") and "://" not in chosen
    return Path(chosen).expanduser() if is_file else settings.data_path / CHECKPOINTS
