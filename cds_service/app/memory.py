"""The memory of a running service: its log, the key patients are found by, and the sequencer."""

from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cds_service.audit.audit_key import FILE_NAME, open_audit_key, read_audit_key
from cds_service.audit.key_check import tell_of_another_key
from cds_service.audit.log import DatabaseLog, open_log, reopen_log
from cds_service.audit.retention import parse_retention
from cds_service.audit.sequencer import Sequencer, open_sequencer
from cds_service.live.observed_log import ObservedLog
from cds_service.outbound.posting import post
from cds_service.settings import Settings
from cds_service.settings.checks import check_shared_keys

_JOURNAL = "journal"  # in the data directory, where no other is set


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The log with its sequencer, which runs until they are closed.

    Calls are recorded in `answers`: the log, and who may look on.
    """

    log: DatabaseLog
    answers: ObservedLog
    audit_key: bytes
    sequencer: Sequencer

    def close(self) -> None:
        """Finish the writes that wait, number and publish what has been written, and let go."""
        with closing(self.log):
            self.sequencer.close()


def open_memory(settings: Settings) -> Memory:
    """The memory these settings describe, its sequencer at work.

    Raises:
        SettingError: the database, a key, the journal or the place of checkpoints is unusable.
    """
    check_shared_keys(settings)
    parse_retention(settings.retention)  # a purge years from now must not be the first to read it
    audit_key = find_audit_key(settings)
    log = open_log(settings.database, journal=_journal(settings), journal_max=settings.journal_max)
    memory = _with_sequencer(log, audit_key, settings)
    tell_of_another_key(log.engine, audit_key)
    memory.sequencer.start()
    return memory


def reopen_memory(settings: Settings) -> Memory:
    """The same in one more process of a service whose first process has opened it so.

    Raises:
        SettingError: a key, the journal or the place of checkpoints has become unusable.
    """
    journal, audit_key = _journal(settings), find_audit_key(settings)
    log = reopen_log(settings.database, journal=journal, journal_max=settings.journal_max)
    memory = _with_sequencer(log, audit_key, settings)
    memory.sequencer.start()
    return memory


def _journal(settings: Settings) -> Path:
    if settings.journal:
        return Path(settings.journal).expanduser()
    return settings.data_path / _JOURNAL


def _with_sequencer(log: DatabaseLog, audit_key: bytes, settings: Settings) -> Memory:
    """The memory of this log, which is closed if it has no sequencer."""
    with ExitStack() as on_failure:
        on_failure.callback(log.close)
        sequencer = open_sequencer(
            log.engine,
            key=settings.checkpoint_key,
            checkpoints=settings.checkpoints,
            data=settings.data_path,
            post=partial(post, ca_file=settings.ca_file),
        )
        on_failure.pop_all()
    log.watch_tree(sequencer.health)
    return Memory(log=log, answers=ObservedLog(log), audit_key=audit_key, sequencer=sequencer)


def find_audit_key(settings: Settings) -> bytes:
    """The key in the file that is set, or the one in the data directory, made if need be.

    Raises:
        SettingError: it cannot be read or made.
    """
    if settings.audit_key:
        return read_audit_key(Path(settings.audit_key).expanduser())
    return open_audit_key(settings.data_path / FILE_NAME)
