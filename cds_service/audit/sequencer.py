"""The sequencer: every second it numbers what has been committed, signs the tree, and publishes.

Any process may run one; the database lets one at a time through. It stands outside the path of a
call: while it waits or fails, records are written as ever (design: 4.21).
"""

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event, Thread

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from cds_service.audit.numbering import BATCH, count_unnumbered, last_size, number_leaves
from cds_service.audit.publishing import count_unpublished, publish_due
from cds_service.audit.signed_note import Signer
from cds_service.audit.signing_key import find_signer
from cds_service.audit.witnesses import Outside, Post, open_outside
from cds_service.database.causes import find_cause
from cds_service.database.store_time import ask_time
from cds_service.errors import NotPublished, TamperError

_LOG = logging.getLogger("cds_service.audit")
CHECKPOINTS = "checkpoints"  # the file in the data directory
_EVERY = 1.0  # seconds
_STUCK = 10.0  # seconds in which a round ends unless the database or the disk does not respond
_LONGEST_STOP = 10.0  # seconds that a stop waits for the last round
_PATIENCE = 5  # rounds that may fail before it is worth a line: a busy writer locks us out at times
_LONGEST_PAUSE = 60.0  # seconds until a place that refused a checkpoint is tried again


@dataclass(frozen=True, slots=True, kw_only=True)
class SequencerHealth:
    """How the log stands, as of the last round.

    `unsequenced` are committed records without a number, `lag_seconds` the time since there were
    none; `last_size` is the size of the last checkpoint; `unpublished` are checkpoints that have
    not left the database. `chain_ok` is whether the database is what was signed, as far as a round
    looks. `why` is what is wrong, in words, empty if nothing is.
    """

    unsequenced: int = 0
    lag_seconds: float = 0.0
    last_size: int = 0
    unpublished: int = 0
    chain_ok: bool = True
    why: str = ""


class Sequencer:
    """A thread that runs a round every second, from `start` to `close`."""

    def __init__(
        self,
        engine: Engine,
        signer: Signer,
        outside: Outside,
        *,
        every: float = _EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine, self._signer, self._outside = engine, signer, outside
        self._every, self._clock = every, clock
        self._health = SequencerHealth()
        self._caught_up = self._last_round = clock()
        self._publish_from, self._pause = 0.0, every
        self._failed = 0
        self._closing, self._is_started = Event(), False
        # A daemon: a program that exits without `close` must not hang.
        self._thread = Thread(target=self._run, name="sequencer", daemon=True)

    def start(self) -> None:
        """Run until closed."""
        self._is_started = True
        self._thread.start()

    def close(self) -> None:
        """Do a last round and stop; what cannot be done now is done by the next start."""
        self._closing.set()
        if self._thread.is_alive():
            self._thread.join(_LONGEST_STOP)

    def health(self) -> SequencerHealth:
        """How the log stood after the last round."""
        health, now = self._health, self._clock()
        is_stuck = self._is_started and now - self._last_round > _STUCK
        lag = now - self._caught_up if health.unsequenced or is_stuck else 0.0
        return replace(health, lag_seconds=lag)

    def _run(self) -> None:
        is_last = False
        while not is_last:
            is_last = self._closing.wait(self._every)
            self.run_round(is_last=is_last)

    def run_round(self, *, is_last: bool = False) -> None:
        """Number all that waits, publish what is due, and note how it went; raises nothing.

        The last round does not wait for the end of a pause after a refused checkpoint.
        """
        why, chain_ok = "", True
        try:
            self._number_all()
            if is_last or self._clock() >= self._publish_from:
                self._publish()
            else:
                why = self._health.why
        except TamperError as error:
            why, chain_ok = f"nothing is signed any more: {error}", False
        except NotPublished as error:
            self._put_off()
            why = f"checkpoints are not published: {error}"
        except (SQLAlchemyError, OSError) as error:
            self._failed += 1
            why = _words(error) if self._failed >= _PATIENCE else ""
        else:
            self._failed = 0
        self._note(why, chain_ok)

    def _number_all(self) -> None:
        """Batch after batch, until none is full."""
        numbered: int | None = BATCH
        while numbered == BATCH:
            outside = self._outside.file.last()  # before the transaction: it may only be older
            if not count_unnumbered(self._engine):
                return
            numbered = number_leaves(self._engine, self._signer, outside, ask_time(self._engine))

    def _publish(self) -> None:
        publish_due(self._engine, self._outside, ask_time(self._engine))
        self._publish_from, self._pause = 0.0, self._every

    def _put_off(self) -> None:
        """Try again after a pause, twice as long every time: a slow place must not hold us up."""
        self._publish_from = self._clock() + self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _note(self, why: str, chain_ok: bool) -> None:
        before = self._health
        after = replace(before, why=why, chain_ok=chain_ok)
        with suppress(SQLAlchemyError):  # then what is known from before is nearest to the truth
            after = replace(
                after,
                unsequenced=count_unnumbered(self._engine),
                unpublished=count_unpublished(self._engine),
                last_size=last_size(self._engine),
            )
        self._last_round = self._clock()
        if not after.unsequenced:
            self._caught_up = self._last_round
        self._health = after
        if why != before.why:
            _tell(before, after)


def open_sequencer(
    engine: Engine, *, key: str, checkpoints: str, data: Path, post: Post
) -> Sequencer:
    """The sequencer that the settings `checkpoint_key` and `checkpoints` describe; not started.

    `data` is the data directory, for what neither names; `post` sends a body to an https URL.

    Raises:
        SettingError: the key or the place cannot be used.
    """
    outside = open_outside(checkpoints, data / CHECKPOINTS, post)
    return Sequencer(engine, find_signer(key, data), outside)


def _words(error: Exception) -> str:
    """What hinders, in words that name no row and no file."""
    if isinstance(error, OSError):
        return f"the copy outside the database cannot be read: {error.strerror}"
    return f"the database cannot be used: {find_cause(error).words}"


def _tell(before: SequencerHealth, after: SequencerHealth) -> None:
    """One line for each change, not for each round."""
    extra = {"event": "sequencer", "cause": after.why, "count": after.unpublished}
    if not after.chain_ok:
        _LOG.error("TAMPER EVIDENCE: %s", after.why, extra=extra)
    elif after.why:
        _LOG.warning("sequencer: %s", after.why, extra=extra)
    else:
        _LOG.info("sequencer: works again, after: %s", before.why, extra=extra)
