"""Gauges of several processes: each writes its own now and then, and any shows them all.

Of one gauge in several processes the worst counts: the largest, or the least where that is worse.
"""

from collections.abc import Iterator
from threading import Event, Thread

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from cds_service.web.gauges import Gauges
from cds_service.web.metric_table import READ_AT_SCRAPE

_EVERY = 2.0  # seconds
_LEAST_COUNTS = frozenset({"crd_audit_writable", "crd_audit_chain_ok"})
_NAMING = "crd_policy_revision_info"  # 1 for what a label names, and no series for what it does not


class SharedGauges:
    """Writes what `gauges` reads in this process; from `start` to `close` by itself."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges
        registry = CollectorRegistry()
        self._written = {
            metric.name: Gauge(
                metric.name,
                metric.about,
                metric.labels,
                registry=registry,
                multiprocess_mode="livemin" if metric.name in _LEAST_COUNTS else "livemax",
            )
            for metric in READ_AT_SCRAPE
        }
        for name in _LEAST_COUNTS:  # until the first look nothing is known against it
            self._written[name].set(1.0)
        self._shown = set[tuple[str, tuple[str, ...]]]()
        self._closed = Event()
        # A daemon: a program that exits without `close` must not hang.
        self._thread = Thread(target=self._run, name="shared-gauges", daemon=True)

    def start(self) -> None:
        """Write now and then."""
        self._thread.start()

    def close(self) -> None:
        """Write no more."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()

    def write(self) -> None:
        """Write each gauge as it is now; what is no more is 0, for nothing is taken back there."""
        shown = set[tuple[str, tuple[str, ...]]]()
        for family in self._gauges.collect():
            for sample in family.samples:
                labels = tuple(sample.labels.values())
                shown.add((family.name, labels))
                self._set(family.name, labels, sample.value)
        for name, labels in self._shown - shown:
            self._set(name, labels, 0.0)
        self._shown = shown

    def _set(self, name: str, labels: tuple[str, ...], value: float) -> None:
        gauge = self._written[name]
        (gauge.labels(*labels) if labels else gauge).set(value)

    def _run(self) -> None:
        self.write()
        while not self._closed.wait(_EVERY):
            self.write()


class AllProcesses(Collector):
    """What all processes count and show, from their files."""

    def describe(self) -> Iterator[Family]:
        """Nothing beforehand."""
        yield from ()

    def collect(self) -> Iterator[Family]:
        """Each metric, over all processes."""
        collector = MultiProcessCollector(None)  # type: ignore[no-untyped-call]
        for family in collector.collect():  # type: ignore[no-untyped-call]
            if family.name == _NAMING:
                family.samples = [sample for sample in family.samples if sample.value]
            yield family
