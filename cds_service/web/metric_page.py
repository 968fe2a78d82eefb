"""The page that Prometheus reads: families of the library, from what is counted and read."""

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from cds_service.web.metric_table import BUCKETS, COUNTED, READ, Kind, Metric
from cds_service.web.tally import Counts, Values

_BOUNDS = tuple(map(floatToGoString, (*BUCKETS, float("inf"))))


class MetricPage(Collector):
    """All metrics of the table, each with the series that there are."""

    def __init__(self, counts: Counts, gauges: Values) -> None:
        self._counts, self._gauges = counts, gauges

    def collect(self) -> Iterator[Family]:
        """A family for each metric, in the order of the table."""
        for metric in COUNTED:
            yield self._counter(metric) if metric.kind is Kind.COUNTER else self._histogram(metric)
        for metric in READ:
            yield self._gauge(metric)

    def _counter(self, metric: Metric) -> Family:
        family = CounterMetricFamily(metric.name, metric.about, labels=metric.labels)
        for labels, value in sorted(self._counts.counters[metric.name].items()):
            family.add_metric(labels, value)
        return family

    def _histogram(self, metric: Metric) -> Family:
        family = HistogramMetricFamily(metric.name, metric.about, labels=metric.labels)
        for labels, (*counts, seconds) in sorted(self._counts.histograms[metric.name].items()):
            buckets = [*zip(_BOUNDS, accumulate(counts), strict=True)]
            family.add_metric(labels, buckets, seconds)
        return family

    def _gauge(self, metric: Metric) -> Family:
        family = GaugeMetricFamily(metric.name, metric.about, labels=metric.labels)
        for labels, value in sorted(self._gauges.get(metric.name, {}).items()):
            family.add_metric(labels, value)
        return family
