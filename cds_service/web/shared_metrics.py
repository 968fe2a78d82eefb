"""Metrics of several processes: each shows its own now and then, and any gives those of all.

Counts are added up; of one gauge in several processes the worst counts.
"""

import logging
from collections.abc import Callable
from threading import Event, Lock, Thread

from cds_service.web.snapshots import Snapshot, Snapshots
from cds_service.web.tally import Counts, Tally, Values

BEHIND = "crd_metrics_behind"
_EVERY = 2.0  # seconds
_LATE = 5 * _EVERY  # seconds: who has shown nothing for so long is behind
_LEAST_COUNTS = frozenset({"crd_audit_writable", "crd_audit_chain_ok"})
_LOG = logging.getLogger("cds_service.web")


class SharedMetrics:
    """Shows the siblings what `look` gives; from `start` to `close` by itself."""

    def __init__(self, look: Callable[[], Snapshot], snapshots: Snapshots) -> None:
        self._look, self._snapshots = look, snapshots
        self._door = Lock()  # of the file, which the thread and whoever is asked write
        self._is_behind = False
        self._closed = Event()
        # A daemon: a program that exits without `close` must not hang.
        self._thread = Thread(target=self._run, name="shared-metrics", daemon=True)

    def start(self) -> None:
        """Show them now and then."""
        self._thread.start()

    def close(self) -> None:
        """Show them the last, and no more."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()
        self.show()

    def show(self) -> Snapshot:
        """Show what there is now, if that can be written; a full disk costs no more than that."""
        with self._door:
            snapshot = self._look()
            try:
                self._snapshots.write(snapshot)
            except OSError as error:
                self._fall_behind(error.strerror or str(error))
            else:
                self._catch_up()
        return snapshot

    def everything(self) -> tuple[Counts, Values]:
        """What all have counted, and their gauges."""
        own = self.show()
        tally, gauges = Tally(), own.gauges
        tally.add(own.counts)
        behind = int(self._is_behind)
        for other in self._snapshots.others():
            tally.add(other.counts)
            if other.gauges and other.is_of_the_living:
                _worsen(gauges, other.gauges)
                behind += own.written - other.written > _LATE
        return tally.counts(), {**gauges, BEHIND: {(): float(behind)}}

    def _fall_behind(self, cause: str) -> None:
        if not self._is_behind:
            self._is_behind = True
            extra = {"event": "metrics-behind", "cause": cause}
            _LOG.warning("what this process counts is not in the metrics of others", extra=extra)

    def _catch_up(self) -> None:
        if self._is_behind:
            self._is_behind = False
            extra = {"event": "metrics-behind", "cause": ""}
            _LOG.info("what this process counts is in the metrics of others again", extra=extra)

    def _run(self) -> None:
        self.show()
        while not self._closed.wait(_EVERY):
            self.show()


def _worsen(gauges: Values, others: Values) -> None:
    """Have each gauge be the worse of two: the least, or what is furthest from nothing."""
    for name, values in others.items():
        known = gauges.setdefault(name, {})
        for labels, value in values.items():
            known[labels] = _worse(name, known.get(labels, value), value)


def _worse(name: str, first: float, second: float) -> float:
    return min(first, second) if name in _LEAST_COUNTS else max(first, second, key=abs)
