"""The connections by descriptor, and the wait for those that need something."""

import select
import selectors
from typing import Any

from waitress import wasyncore

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE


class Connections(dict[int, Any]):
    """What waitress calls a map, waited for by the kernel's best means.

    waitress asks every connection, at each turn, what it waits for: with a thousand half-open ones
    that takes longer than a call. Here those with nothing but bytes to wait for are not asked again
    until some have come. `lively` are the others, and all are once in a while.
    """

    def __init__(self) -> None:
        super().__init__()
        self._selector = selectors.DefaultSelector()
        self._lively = set[int]()

    def __setitem__(self, descriptor: int, held: Any) -> None:
        super().__setitem__(descriptor, held)
        self._lively.add(descriptor)

    def __delitem__(self, descriptor: int) -> None:
        super().__delitem__(descriptor)
        self._lively.discard(descriptor)
        self._wait_for(descriptor, 0)

    def wake(self) -> None:
        """Ask them all what they wait for: something was changed on some."""
        self._lively.update(self)

    def look(self, patience: float) -> None:
        """Wait up to so many seconds for any to need something, and see to it."""
        for descriptor in tuple(self._lively):
            self._ask(descriptor, self[descriptor])
        for key, events in self._selector.select(patience):
            if held := self.get(key.fd):
                self._lively.add(key.fd)
                flags = select.POLLIN * bool(events & _READ) | select.POLLOUT * bool(
                    events & _WRITE
                )
                wasyncore.readwrite(held, flags)

    def close(self) -> None:
        """Let go of the means to wait."""
        self._selector.close()

    def _ask(self, descriptor: int, held: Any) -> None:
        """Learn what a connection waits for."""
        # Before the rest: a thread may end a call meanwhile, and then it waits for something else.
        is_quiet = getattr(held, "is_quiet", False)
        writes = held.writable() and not held.accepting
        self._wait_for(descriptor, _READ * bool(held.readable()) | _WRITE * bool(writes))
        if is_quiet:
            self._lively.discard(descriptor)

    def _wait_for(self, descriptor: int, events: int) -> None:
        watched = self._selector.get_map().get(descriptor)
        if watched is None:
            if events:
                self._selector.register(descriptor, events)
        elif not events:
            self._selector.unregister(descriptor)
        elif watched.events != events:
            self._selector.modify(descriptor, events)
