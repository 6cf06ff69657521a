"""Counters of the server in the format of Prometheus; prometheus-client is imported at the first use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from flowise_mock.control.call import Served


def exposition(served: Served) -> str:
    """The counters as text."""
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

    registry = CollectorRegistry()
    registry.register(_Collector(served))
    ProcessCollector(registry=registry)
    return generate_latest(registry).decode()


class _Collector:
    """Collects the counters of the server when they are requested."""

    def __init__(self, served: Served) -> None:
        self.served = served

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        requests = CounterMetricFamily(
            "flowise_mock_requests",
            "Requests to the API by operation and status",
            labels=["operation", "status"],
        )
        answered: Counter[tuple[str, int]] = Counter()
        for world in self.served.worlds:
            answered.update(world.answered)
        for (operation, status), count in sorted(answered.items()):
            requests.add_metric([operation, str(status)], count)
        yield requests
        yield GaugeMetricFamily("flowise_mock_streams", "Open streams", value=len(self.served.streams))
        yield GaugeMetricFamily("flowise_mock_namespaces", "Namespaces", value=len(self.served.worlds))
        records = GaugeMetricFamily(
            "flowise_mock_records", "Records of the default namespace", labels=["table"]
        )
        for table, rows in self.served.worlds.default.store:
            records.add_metric([table], len(rows))
        yield records
