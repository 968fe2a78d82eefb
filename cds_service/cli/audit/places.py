"""Where the parts of a store are, by the settings: what is backed up together and put back."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from cds_service.access import token_key
from cds_service.audit import audit_key
from cds_service.audit.backup import CHECKPOINTS as COPIED_CHECKPOINTS
from cds_service.audit.backup import Places
from cds_service.audit.backup_keys import AUDIT_KEY, CHECKPOINT_KEY, TOKEN_KEY
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
        checkpoints=_chosen_checkpoints(settings) or data / CHECKPOINTS,
        keys={
            AUDIT_KEY: _file(settings.audit_key) or data / audit_key.FILE_NAME,
            CHECKPOINT_KEY: key_path(settings),
            TOKEN_KEY: _file(settings.token_key) or data / token_key.FILE_NAME,
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
        named=frozenset(_named(settings)),
    )


def _named(settings: Settings) -> Iterator[str]:
    """The parts whose files a setting names."""
    chosen = {
        AUDIT_KEY: settings.audit_key,
        CHECKPOINT_KEY: settings.checkpoint_key,
        TOKEN_KEY: settings.token_key,
        COPIED_CHECKPOINTS: _chosen_checkpoints(settings),
    }
    yield from (name for name, file in chosen.items() if file)


def _file(named: str) -> Path | None:
    return Path(named).expanduser() if named else None


def _chosen_checkpoints(settings: Settings) -> Path | None:
    """The file outside the database, if one is set; beside a command or a URL none is."""
    chosen = settings.checkpoints
    is_file = chosen and not chosen.startswith("exec:") and "://" not in chosen
    return Path(chosen).expanduser() if is_file else None
