"""Watching library directories: a change, once it has come to rest, has them read again.

What the system notifies of only says when to look; whether anything has changed the files say. So a
notice that comes twice or for nothing does no harm, and one that never comes, as on a network file
system, is made up for by a look every half minute.
"""

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event, Thread

from watchfiles import watch

from cds_service.live.reading import SETTLED, Fingerprint, LibraryDirectories, Watched

_LOG = logging.getLogger("cds_service.live")
_RESTLESS = 60.0  # seconds of changes after which it is read all the same, and says why it cannot
_LOOK_EVERY = 30.0  # seconds, whether notified or not
_POLL_EVERY = 2.0  # seconds, where the system cannot notify
_TICK = 1000  # milliseconds

# Notices that something may have changed, whole at the first: True, or False for none in a tick.
Notify = Callable[[Watched, Event], Iterator[bool]]


def notices(watched: Watched, closed: Event) -> Iterator[bool]:
    """Whether anything in these places has changed, at least once a second until `closed` is set.

    Raises:
        OSError, RuntimeError: the system cannot notify, for one because it has no watches left.
    """
    ticks = watch(
        *(place for place in watched.places if place.is_dir()),
        # Each directory by itself: what is hidden, or above the library, is not gone through.
        recursive=False,
        watch_filter=None,
        stop_event=closed,
        rust_timeout=_TICK,
        yield_on_timeout=True,
        raise_interrupt=False,
    )
    for changes in ticks:
        yield any(watched.counts(Path(path)) for _, path in changes)


class Watcher:
    """The thread, from `start` to `close`, that calls `changed` after every change.

    `known` are the files as they were before the set in service was read.
    """

    def __init__(
        self,
        directories: LibraryDirectories,
        changed: Callable[[], object],
        known: Fingerprint,
        *,
        notify: Notify = notices,
        settled: float = SETTLED,
        poll_every: float = _POLL_EVERY,
    ) -> None:
        self._directories, self._changed, self._known = directories, changed, known
        self._notify, self._settled, self._poll_every = notify, settled, poll_every
        self._closed, self._is_blind = Event(), False
        # A daemon: a program that exits without `close` must not hang.
        self._thread = Thread(target=self._run, name="policy-watch", daemon=True)

    def start(self) -> None:
        """Watch from now on."""
        self._thread.start()

    def close(self) -> None:
        """Watch no more."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._follow(self._directories.watched())
            except FileNotFoundError:  # a directory or a link that went before it was watched
                self._closed.wait(self._settled)
            except (OSError, RuntimeError) as error:
                self._go_blind(error)
                self._closed.wait(self._poll_every)
                self._look()

    def _follow(self, watched: Watched) -> None:
        """Look once at first and now and then, until there is a notice, and then too."""
        look_at = 0.0  # at the first tick: what changed before the watch began gave no notice
        for has_changed in self._notify(watched, self._closed):
            if has_changed or time.monotonic() >= look_at:
                self._look()
                look_at = time.monotonic() + _LOOK_EVERY
            if has_changed:
                return  # a directory made anew under its old name has to be watched anew

    def _look(self) -> None:
        """Have the directories read if they have changed, once they have come to rest."""
        seen = self._directories.fingerprint()
        if seen == self._known:
            return
        until = time.monotonic() + _RESTLESS
        while not self._closed.wait(self._settled):
            now = self._directories.fingerprint()
            if now == seen or time.monotonic() > until:
                # By this it is known from here on, sound or not: it is not read twice.
                self._known = now
                self._changed()
                return
            seen = now

    def _go_blind(self, error: Exception) -> None:
        """Say once that changes are noticed later than they could be."""
        if not self._is_blind:
            self._is_blind = True
            _LOG.warning(
                "the library directories cannot be watched (%s), so that they are looked at every "
                "%g seconds; on Linux raise fs.inotify.max_user_watches and max_user_instances",
                type(error).__name__ if not isinstance(error, OSError) else error.strerror or error,
                self._poll_every,
                extra={"event": "policies-not-watched"},
            )
