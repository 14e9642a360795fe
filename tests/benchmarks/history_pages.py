"""What a page of a long history costs: ``python -m tests.benchmarks.history_pages`` writes one of a million records."""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import redis

from notifier.cli.embedded_redis import run_redis
from notifier.models import AlertType
from notifier.operations.history import SCANNED_MAX, NotificationHistory
from notifier.outcome import Status
from notifier.storage.connection import connect
from tests.benchmarks.large_history import at, fill
from tests.servers import answers, free_port

RECORDS = int(os.environ.get("RECORDS", "1000000"))
ROUNDS = 50
Query = Callable[[NotificationHistory], object]


def queries(count: int) -> dict[str, Query]:
    """The pages that are measured."""
    middle = at(count // 2)
    of_type = AlertType.ERROR
    return {
        "newest of a type": lambda history: history.page(alert_type=of_type),
        "of a type before a time": lambda history: history.page(alert_type=of_type, until=middle),
        "failed before a time": lambda history: history.page(status=Status.FAILED, until=middle),
        "a text that nothing has": lambda history: history.page(search="nothing has it"),
    }


def longest_command_ms(client: "redis.Redis") -> float:
    """The longest time for which Redis did nothing else."""
    found = client.slowlog_get(128)
    return max((entry["duration"] for entry in found), default=0) / 1_000


def measured(history: NotificationHistory, client: "redis.Redis", query: Query) -> tuple[float, float]:
    """Milliseconds of a page, the median, and of the longest command of Redis in it."""
    client.slowlog_reset()
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        query(history)
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1e3, longest_command_ms(client)


def main() -> None:
    """Write a history, and print what its pages cost."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        server = run_redis(Path(folder), port)
        client = connect(f"redis://127.0.0.1:{port}/0", 60)
        while not answers(client):
            time.sleep(0.1)
        client.config_set("appendonly", "no")
        client.config_set("slowlog-log-slower-than", 0)
        history = fill(client, "notifier:", RECORDS, RECORDS // 100)
        try:
            for name, query in queries(RECORDS).items():
                took, longest = measured(history, client, query)
                print(f"{RECORDS:,} records, {name}: {took:.1f} ms, of which Redis' longest command {longest:.2f} ms")
            print(f"a search looks at {SCANNED_MAX:,} records at once")
        finally:
            client.close()
            server.stop()


if __name__ == "__main__":
    sys.exit(main())
