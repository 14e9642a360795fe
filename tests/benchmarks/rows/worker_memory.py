"""Whether a worker grows with what it has delivered."""

import time
from collections.abc import Sequence

import psutil

from notifier.models import AlertType
from notifier.storage.keys import Keys
from tests.benchmarks.lab import UNLIMITED, Lab, Place
from tests.benchmarks.programs import burst
from tests.benchmarks.row import Benchmark, Row, ratio
from tests.servers import until

KEYS = Keys("notifier:")
SETTLE_SECONDS = 3
BLOCK = 10_000
"""Alerts that are raised before all of them are waited for: the outbox, and with it the machine, stay small."""


def measure(lab: Lab) -> Sequence[Row]:
    """After few, after many, and between."""
    stops = (1_000, 20_000, 50_000, 100_000) if not lab.quick else (300, 1_000, 1_500)
    with lab.place() as place:
        place.sandbox(limits=False)
        place.set(DISCORD_QUEUE_SIZE=str(2 * BLOCK), DISCORD_RATE_LIMIT="1000000")
        process = psutil.Process(place.worker(app=UNLIMITED).pid)
        found, delivered = {}, 0
        for total in stops:
            while delivered < total:
                delivered += _deliver(place, min(BLOCK, total - delivered), delivered)
                lab.says(f"{delivered:,} of {stops[-1]:,}")
            time.sleep(SETTLE_SECONDS)
            found[total] = sum(each.memory_full_info().uss for each in (process, *process.children(recursive=True)))
    took = {f"after {count:,} MB": size / 2**20 for count, size in found.items()}
    figure = ratio(found[stops[-1]], found[stops[0]])
    return [Row("memory of a worker after 100,000 alerts", figure, "×", 1.05, "after 1,000", took)]


def _deliver(place: Place, count: int, before: int) -> int:
    place.run(burst, side="ours", count=count, types=[kind.value for kind in AlertType])

    def delivered() -> int:
        return sum(int(place.redis.zcard(KEYS.history(kind, "delivered"))) for kind in AlertType)

    until(lambda: delivered() >= before + count, f"{before + count} alerts", 600, poll_seconds=0.5)
    return count


BENCHMARK = Benchmark(
    "worker-memory",
    "whether a worker grows with what it delivers",
    measure,
    "A worker delivers 1,000 alerts over six webhooks, then 99,000 more in blocks of 10,000; three seconds after the first, after 20,000, after 50,000 and after the last, the memory that is its own alone (USS) is read. It knows none of Discord's "
    "limits here: at 30 requests a minute this would take an hour. What comes "
    "once comes early: buffers of threads, the commits of the last seconds. What was kept for each alert would show between the last two figures.",
    is_long=True,
)
