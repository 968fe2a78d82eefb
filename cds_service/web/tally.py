"""The tally: what one process has counted and timed, by metric and labels.

Ours, and not the library's counters: where several processes count, those write through a mapped
file, and where its disk is full the kernel ends the process that does.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock

from cds_service.web.metric_table import BUCKETS, COUNTED, Kind, Metric

Labels = tuple[str, ...]  # their values, in the order of the table
Values = dict[str, dict[Labels, float]]  # by metric
Rows = dict[str, dict[Labels, list[float]]]  # of histograms, by metric
_SUM = -1  # where in a row the sum stands, after the counts of each bucket and of what is beyond
_WIDTH = len(BUCKETS) + 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Counters, and histograms: a row has how many fell into each bucket, and their sum."""

    counters: Values = field(default_factory=dict)
    histograms: Rows = field(default_factory=dict)


class Tally:
    """Counts by any thread. The series of `known`, by metric, are there from the start, at 0."""

    def __init__(self, known: Mapping[str, Iterable[Labels]] | None = None) -> None:
        self._door = Lock()
        self._counters: Values = {}
        self._histograms: Rows = {}
        for metric in COUNTED:
            series = (known or {}).get(metric.name, ())
            if metric.kind is Kind.COUNTER:
                self._counters[metric.name] = dict.fromkeys(series, 0.0)
            else:
                self._histograms[metric.name] = {labels: [0.0] * _WIDTH for labels in series}

    def count(self, name: str, labels: Labels, many: float = 1.0) -> None:
        """Count so many more of a series."""
        series = self._counters[name]
        with self._door:
            series[labels] = series.get(labels, 0.0) + many

    def time(self, name: str, labels: Labels, seconds: float) -> None:
        """Enter a time into a histogram."""
        series, bucket = self._histograms[name], bisect_left(BUCKETS, seconds)
        with self._door:
            row = series.get(labels) or series.setdefault(labels, [0.0] * _WIDTH)
            row[bucket] += 1.0
            row[_SUM] += seconds

    def counts(self) -> Counts:
        """All there is now, apart from what follows."""
        with self._door:
            counters = {name: dict(series) for name, series in self._counters.items()}
            histograms = {name: _copied(series) for name, series in self._histograms.items()}
        return Counts(counters=counters, histograms=histograms)

    def add(self, counts: Counts) -> None:
        """Add what another has counted.

        It may be of another version of this program: what has no place in the table is left out.
        """
        with self._door:
            for metric in COUNTED:
                if metric.kind is Kind.COUNTER:
                    self._add_counter(metric, counts.counters.get(metric.name, {}))
                else:
                    self._add_histogram(metric, counts.histograms.get(metric.name, {}))

    def _add_counter(self, metric: Metric, values: Mapping[Labels, float]) -> None:
        series = self._counters[metric.name]
        for labels, value in values.items():
            if len(labels) == len(metric.labels):
                series[labels] = series.get(labels, 0.0) + value

    def _add_histogram(self, metric: Metric, rows: Mapping[Labels, list[float]]) -> None:
        series = self._histograms[metric.name]
        for labels, row in rows.items():
            if len(labels) == len(metric.labels) and len(row) == _WIDTH:
                before = series.get(labels, [0.0] * _WIDTH)
                series[labels] = [*map(sum, zip(before, row, strict=True))]


def _copied(series: Mapping[Labels, list[float]]) -> dict[Labels, list[float]]:
    return {labels: row.copy() for labels, row in series.items()}
