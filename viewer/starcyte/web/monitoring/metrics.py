"""The metrics of a server in Prometheus' format."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from starcyte.web.contract.status import Status
from starcyte.web.monitoring.traffic import BUCKETS, Traffic


class _Metrics(Collector):
    def __init__(self, traffic: Traffic, status: Status) -> None:
        self._traffic, self._status = traffic, status

    def collect(self) -> Iterator[Metric]:
        requests, durations, seconds = self._traffic.counted()
        answered = CounterMetricFamily("starcyte_requests", "Requests answered.", labels=("method", "route", "status"))
        for (method, route, code), n in sorted(requests.items()):
            answered.add_metric((method, route, str(code)), n)
        yield answered
        buckets, total = [], 0
        for end, n in zip((*map(str, BUCKETS), "+Inf"), durations, strict=True):
            total += n
            buckets.append((end, float(total)))
        yield HistogramMetricFamily("starcyte_request_seconds", "Time to answer.", buckets=buckets, sum_value=seconds)
        status = self._status
        datasets = GaugeMetricFamily("starcyte_datasets", "Datasets of the catalog.", labels=("state",))
        for state, n in status.datasets.states.items():
            datasets.add_metric((state,), n)
        yield datasets
        yield GaugeMetricFamily("starcyte_datasets_open", "Datasets open.", status.datasets.n_open)
        for name, count in (("opened", status.datasets.opened), ("closed", status.datasets.closed)):
            yield CounterMetricFamily(f"starcyte_datasets_{name}", f"Datasets {name} since the start.", count)
        jobs = GaugeMetricFamily("starcyte_jobs", "Comparisons under way.", labels=("state",))
        jobs.add_metric(("running",), status.jobs.running)
        jobs.add_metric(("queued",), status.jobs.queued)
        yield jobs
        yield GaugeMetricFamily("starcyte_users", "Users of the last quarter of an hour.", len(status.users))
        yield GaugeMetricFamily("starcyte_own_memory_bytes", "Memory without mapped files.", status.memory.bytes)
        yield GaugeMetricFamily("starcyte_files_open", "Open files.", status.files.n)


def exposition(traffic: Traffic, status: Status) -> bytes:
    """Return all metrics as text.

    Parameters
    ----------
    traffic
        The requests.
    status
        The numbers of the status page.
    """
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    registry.register(_Metrics(traffic, status))
    return generate_latest(registry)
