"""The set to come, as the store names it: looked for now and then, and made ready on a thread."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread

from sqlalchemy.exc import SQLAlchemyError

from cds_service.authoring.replay import Evaluate
from cds_service.errors import NotThereYet, SetRefused, StartError
from cds_service.live.shadow import Shadowing

_LOG = logging.getLogger("cds_service.live")
_LOOK = 2.0  # seconds
_STOP_SECONDS = 5.0  # the most a stop waits for the look under way
_CHANGED = {"event": "shadow-changed"}
_REFUSED = {"event": "shadow-refused"}


@dataclass(frozen=True, slots=True)
class _Coming:
    """The set to come; `evaluate` is None where it cannot answer."""

    digest: str
    evaluate: Evaluate | None


_NONE = _Coming("", None)


class ShadowSet:
    """Follows the store from `start` to `close`.

    `named` reads which set is to come, empty for none. `prepare` makes ready what answers by it; it
    raises NotThereYet, SetRefused or a StartError. `serving` gives the set in service.
    """

    def __init__(
        self,
        *,
        named: Callable[[], str],
        prepare: Callable[[str], Evaluate],
        serving: Callable[[], tuple[str, Evaluate]],
        seconds: float = _LOOK,
    ) -> None:
        self._named, self._prepare, self._serving = named, prepare, serving
        self._seconds = seconds
        self._coming = _NONE
        self._is_closed = Event()
        self._thread = Thread(target=self._run, name="policy-shadow-set", daemon=True)

    def start(self) -> None:
        """Look from now on."""
        self._thread.start()

    def close(self) -> None:
        """Look no more."""
        self._is_closed.set()
        if self._thread.is_alive():
            self._thread.join(_STOP_SECONDS)

    def shadowing(self) -> Shadowing | None:
        """The two sets at the moment; None where there is none to come, or it is in service."""
        coming = self._coming
        if coming.evaluate is None:
            return None
        digest, evaluate = self._serving()
        if digest == coming.digest:
            return None
        return Shadowing(
            serving=digest, by_serving=evaluate, coming=coming.digest, by_coming=coming.evaluate
        )

    def look(self) -> None:
        """Take up the set that the store names; a store that is away changes nothing."""
        try:
            digest = self._named()
            if digest != self._coming.digest:
                self._coming = _Coming(digest, self._prepare(digest)) if digest else _NONE
                named = digest or "none"
                _LOG.info("the set that answers silently: %s", named, extra=_CHANGED)
        except (NotThereYet, SQLAlchemyError) as error:
            _LOG.debug("the set that answers silently is not known: %s", error)
        except (SetRefused, StartError) as error:
            # Not tried again: the set of a digest never changes.
            self._coming = _Coming(digest, None)
            _LOG.warning("the set %s cannot answer silently: %s", digest, error, extra=_REFUSED)

    def _run(self) -> None:
        self.look()
        while not self._is_closed.wait(self._seconds):
            self.look()
