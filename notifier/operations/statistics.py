"""The last day, for plots: what became of alerts, by type, in each quarter of an hour."""

from typing import TYPE_CHECKING, Any

from notifier.gate.counters import QUARTER_SECONDS
from notifier.models import AlertType
from notifier.operations.counters import LATENCY_BOUNDS, Counters, counters_of, latency_quantile
from notifier.outbox.record import iso
from notifier.storage.connection import MICROSECONDS, broker_errors, clock

if TYPE_CHECKING:
    import redis

    from notifier.storage.keys import Keys

DAY_SECONDS = 86_400


def statistics_of_the_day(client: "redis.Redis", keys: "Keys") -> dict[str, Any]:
    """The last 24 hours, the oldest quarter first; the last one is not over yet.

    ``delivered`` and ``failed`` count alerts, ``deferred`` how often a delivery had to wait. ``p50`` and ``p99`` are
    seconds from when an alert was due to its delivery; null if none was delivered. ``latency``: the same of the day.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    with broker_errors():
        now = clock(client) // MICROSECONDS
        last = now - now % QUARTER_SECONDS
        starts = range(last - DAY_SECONDS + QUARTER_SECONDS, last + 1, QUARTER_SECONDS)
        pipeline = client.pipeline(transaction=False)
        for start in starts:
            pipeline.hgetall(keys.quarter(start))
        quarters = [counters_of(each) for each in pipeline.execute()]
    return {
        "bucket_seconds": QUARTER_SECONDS,
        "buckets": [
            {"at": iso(start * MICROSECONDS), "types": {kind.value: _of_type(counted, kind) for kind in AlertType}}
            for start, counted in zip(starts, quarters, strict=True)
        ],
        "latency": {kind.value: _quantiles(_of_day(quarters, kind)) for kind in AlertType},
    }


def _of_type(counted: Counters, kind: AlertType) -> dict[str, Any]:
    return {name: counted.total(name, kind) for name in ("delivered", "failed", "deferred")} | _quantiles(
        counted.latencies(kind)
    )


def _of_day(quarters: list[Counters], kind: AlertType) -> list[int]:
    by_quarter = [each.latencies(kind) for each in quarters]
    return [sum(each[place] for each in by_quarter) for place in range(len(LATENCY_BOUNDS))]


def _quantiles(counts: list[int]) -> dict[str, float | None]:
    return {"p50": latency_quantile(counts, 0.5), "p99": latency_quantile(counts, 0.99)}
