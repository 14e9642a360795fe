"""How many alerts ended well and badly, by type, in each part of the last day: counted from the history's indexes."""

from typing import TYPE_CHECKING, Any

from notifier.models import AlertType
from notifier.outbox.record import iso
from notifier.outcome import UNDELIVERED, Status
from notifier.storage.connection import MICROSECONDS, broker_errors, clock
from notifier.storage.keys import Keys

if TYPE_CHECKING:
    import redis

DAY_SECONDS = 86_400
BUCKET_SECONDS = 1_800
COUNTED = (Status.DELIVERED, *UNDELIVERED)


def statistics_of_the_day(client: "redis.Redis", keys: Keys) -> dict[str, Any]:
    """The last 24 hours, the oldest part first; the last part is not over yet. What nobody counts is null.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    with broker_errors():
        size = BUCKET_SECONDS * MICROSECONDS
        end = (clock(client) // size + 1) * size
        starts = range(end - DAY_SECONDS * MICROSECONDS, end, size)
        pipeline = client.pipeline(transaction=False)
        for start in starts:
            for kind in AlertType:
                for status in COUNTED:
                    pipeline.zcount(keys.history(kind, status), start, f"({start + size}")
        counts = iter(pipeline.execute())
    buckets = [
        {"at": iso(start), "types": {kind.value: _counts([next(counts) for _ in COUNTED]) for kind in AlertType}}
        for start in starts
    ]
    return {
        "bucket_seconds": BUCKET_SECONDS,
        "buckets": buckets,
        "latency": {kind.value: {"p50": None, "p99": None} for kind in AlertType},
    }


def _counts(found: list[int]) -> dict[str, int | None]:
    delivered, *failed = found
    return {"delivered": delivered, "failed": sum(failed), "deferred": None}
