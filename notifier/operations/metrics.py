"""The pipeline in figures, for Prometheus: what the steps have counted, and how things are now.

``METRICS`` is all of it: docs/metrics.md, the dashboard and the rules are compared with that table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from notifier.errors import BrokerUnavailable
from notifier.gate.counters import LATENCY_SECONDS, REQUEST_ALERTS, UNBOUNDED
from notifier.models import AlertType
from notifier.operations.counters import Counters, read_counters
from notifier.operations.current import Reading, current
from notifier.operations.spool_state import spool_state
from notifier.outcome import FAULTS, Reason
from notifier.storage.connection import MICROSECONDS
from notifier.version import VERSION

if TYPE_CHECKING:
    import redis
    from prometheus_client.metrics_core import Metric

    from notifier.gate.admin import Gate
    from notifier.producer.spool import Spool
    from notifier.settings import Settings
    from notifier.storage.keys import Keys

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What ``exposition`` returns (prometheus.io, Exposition formats)."""
ENDS = (*FAULTS, Reason.EXPIRED, Reason.QUEUE_FULL, Reason.FORGOTTEN, Reason.NEWER_VERSION, Reason.WORKER_LOST)
"""Reasons of failures. Each has its 0 from the start: Prometheus sees no increase in the first value of a series."""


@dataclass(frozen=True, slots=True)
class Description:
    """One metric: its name (without ``_total``), kind, labels, and what it says."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str

    @property
    def sample(self) -> str:
        """The name that a query of it has; of a histogram without ``_bucket``, ``_sum`` and ``_count``."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


TYPE, WEBHOOK = ("alert_type",), ("alert_type", "webhook_id")
METRICS = tuple(
    Description(f"notifier_{name}", kind, labels, text)
    for name, kind, labels, text in (
        ("alerts_delivered", "counter", TYPE, "Alerts that Discord has stored."),
        ("alerts_failed", "counter", (*TYPE, "reason"), "Alerts that became dead letters, or were refused."),
        ("alerts_absorbed", "counter", (*TYPE, "status"), "Alerts that ended without a message of their own."),
        ("alerts_retried", "counter", (*TYPE, "reason"), "Attempts that failed, of alerts that are tried again."),
        ("deliveries_deferred", "counter", (*TYPE, "reason"), "Deliveries that had to wait; nothing failed."),
        ("requests", "counter", (*TYPE, "method", "status"), "HTTP requests to Discord, by status."),
        ("request_alerts", "histogram", TYPE, "Alerts that one request carried."),
        ("delivery_seconds", "histogram", TYPE, "Time from .delay(), or from when it was due, to delivery."),
        ("outbox_alerts", "gauge", TYPE, "Alerts that wait, are under way, or are due later."),
        ("outbox_capacity_alerts", "gauge", TYPE, "Alerts for which the outbox has room (DISCORD_QUEUE_SIZE)."),
        ("outbox_bytes", "gauge", TYPE, "What these alerts take of NOTIFIER_MEMORY_BYTES_MAX."),
        ("outbox_oldest_seconds", "gauge", TYPE, "Age of the oldest alert that is due and waits; 0 if none does."),
        ("dead_letters", "gauge", TYPE, "Dead letters that nobody has replayed or dropped."),
        ("incidents_open", "gauge", TYPE, "Incidents that are open."),
        ("workers", "gauge", TYPE, "Living workers that read the queue of this type."),
        ("webhook_breaker", "gauge", (*WEBHOOK, "state"), "1 for the state that the circuit breaker is in."),
        ("webhook_quarantined", "gauge", WEBHOOK, "1 if Discord does not know this URL any more."),
        ("webhook_closed", "gauge", WEBHOOK, "1 if somebody has closed its gate."),
        ("webhook_pause_seconds", "gauge", WEBHOOK, "How long Discord asked to wait from now; 0: not at all."),
        ("webhook_requests_left", "gauge", WEBHOOK, "Requests that DISCORD_RATE_LIMIT takes now."),
        ("edge_banned", "gauge", (), "1 if Discord's edge has banned this address."),
        ("machines_cut_off", "gauge", (), "Machines whose workers cannot reach Discord."),
        ("unreadable_entries", "gauge", (), "What lay in a queue and is no message of a task."),
        ("spool_alerts", "gauge", (), "Alerts in the spool of this machine."),
        ("spool_bytes", "gauge", (), "What the file of that spool takes."),
        ("redis_up", "gauge", (), "1 if Redis answers; if not, only this, the build and the spool are told."),
        ("build_info", "gauge", ("version",), "The version of the program that tells this; always 1."),
    )
)


def metrics(
    client: "redis.Redis", keys: "Keys", gate: "Gate", settings: "Settings", spool: "Spool | None"
) -> "list[Metric]":
    """All metrics, as prometheus_client has them. Redis may be away: that is one of them."""
    readings: list[Reading] = [("build_info", (VERSION,), 1)]
    counted = None
    try:
        readings += current(client, keys, gate, settings)
        counted = read_counters(client, keys)
    except BrokerUnavailable:
        readings = readings[:1]
    if spool and settings.spool_dir:
        state = spool_state(spool, settings.spool_dir)
        readings += [("spool_alerts", (), state.count), ("spool_bytes", (), state.bytes)]
    readings.append(("redis_up", (), 0 if counted is None else 1))
    return [_family(each, counted, readings) for each in METRICS if counted is not None or each.name in WITHOUT_REDIS]


WITHOUT_REDIS = {"notifier_build_info", "notifier_spool_alerts", "notifier_spool_bytes", "notifier_redis_up"}


def _family(description: Description, counted: Counters | None, readings: Sequence[Reading]) -> "Metric":
    from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    own = description.name.removeprefix("notifier_")
    told = description.name, description.help
    if description.kind == "gauge":
        gauge = GaugeMetricFamily(*told, labels=description.labels)
        for name, labels, value in readings:
            if name == own:
                gauge.add_metric(labels, value)
        return gauge
    assert counted is not None  # noqa: S101 - without Redis there are gauges alone
    if description.kind == "counter":
        counter = CounterMetricFamily(*told, labels=description.labels)
        for labels, count in sorted(_counts(own, counted).items()):
            counter.add_metric(labels, count)
        return counter
    histogram = HistogramMetricFamily(*told, labels=description.labels)
    for kind in AlertType:
        histogram.add_metric([kind], *_histogram(own, counted, kind))
    return histogram


COUNTED = {
    "alerts_delivered": "delivered",
    "alerts_failed": "failed",
    "alerts_absorbed": "absorbed",
    "alerts_retried": "retried",
    "deliveries_deferred": "deferred",
    "requests": "requests",
}
"""What counters.lua calls it, by metric."""


def _counts(metric: str, counted: Counters) -> Mapping[tuple[str, ...], int]:
    zeros: dict[tuple[str, ...], int] = {}
    if metric == "alerts_delivered":
        zeros = {(kind.value,): 0 for kind in AlertType}
    if metric == "alerts_failed":
        zeros = {(kind.value, reason.value): 0 for kind in AlertType for reason in ENDS}
    return zeros | dict(counted.of(COUNTED[metric]))


def _histogram(metric: str, counted: Counters, kind: AlertType) -> tuple[list[tuple[str, float]], float]:
    if metric == "delivery_seconds":
        counts, names = counted.latencies(kind), [*map(float, LATENCY_SECONDS), float("inf")]
        total = counted.total("latency_sum", kind) / MICROSECONDS
    else:
        counts = counted.histogram("request_alerts", kind, [*map(str, REQUEST_ALERTS), UNBOUNDED])
        names, total = [*map(float, REQUEST_ALERTS), float("inf")], counted.total("request_alerts_sum", kind)
    below = [sum(counts[: place + 1]) for place in range(len(counts))]
    return [(_bound(name), count) for name, count in zip(names, below, strict=True)], total


def _bound(bound: float) -> str:
    return "+Inf" if bound == float("inf") else str(bound)


def exposition(found: "Sequence[Metric]") -> str:
    """The text that Prometheus reads."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.registry import Collector

    class Found(Collector):
        def collect(self) -> "Sequence[Metric]":
            return found

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Found())
    return generate_latest(registry).decode()


def metrics_as_json(found: "Sequence[Metric]") -> list[dict[str, Any]]:
    """The same for programs that do not read that text."""
    return [
        {
            "name": each.name,
            "type": each.type,
            "help": each.documentation,
            "samples": [{"name": own.name, "labels": own.labels, "value": own.value} for own in each.samples],
        }
        for each in found
    ]
