"""Measures what docs/operations.md says of capacity, on this machine: ``uv run python -m scripts.capacity``.

It starts a Redis, a sandbox with Discord's limits and a worker, and stops them.
"""

import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from redis import Redis

from notifier.cli.stack import Stack
from notifier.models import AlertType, NotificationMessage
from tests.benchmarks.alert_bytes import used

WAITING, SINGLE = 2_000, 60
TEXT = "The job of last night ended with an error, and nobody has looked at it yet. " * 3


def alert(number: int, alert_type: AlertType) -> NotificationMessage:
    """An ordinary one: 240 characters of text, three fields."""
    fields = {"Host": "db1.example.com", "Job": f"import {number}", "Exit code": "1"}
    return NotificationMessage(alert_type=alert_type, title="Import failed", message=TEXT, fields=fields, source="jobs")


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of them is not above."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main() -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as stack:
        stack.environment["DISCORD_QUEUE_SIZE"] = "100000"
        url = stack.redis()
        stack.sandbox()
        os.environ.update(stack.environment)
        _measure(stack, Redis.from_url(url))


def _measure(stack: Stack, redis: Redis) -> None:
    from notifier.pipeline import client_pipeline

    pipeline = client_pipeline()
    pipeline.client.submit(alert(0, AlertType.GENERAL))
    before, calls = used(redis), []
    for number in range(WAITING):
        began = time.perf_counter()
        pipeline.client.submit(alert(number, AlertType.GENERAL))
        calls.append(time.perf_counter() - began)
    _say("bytes in Redis of an alert that waits", (used(redis) - before) / WAITING)
    _say("calls a second, of one thread", WAITING / sum(calls))
    _say("ms of a call, p50", 1_000 * percentile(calls, 0.5))
    _say("ms of a call, p99", 1_000 * percentile(calls, 0.99))
    redis.flushdb()

    worker = stack.worker()
    processes = [psutil.Process(worker.pid), *psutil.Process(worker.pid).children(recursive=True)]
    _say("MB of a worker's processes", sum(each.memory_full_info().pss for each in processes) / 2**20)
    _say("processes of it", len(processes))
    _deliver(pipeline, [alert(0, kind) for kind in AlertType])
    took = []
    for number in range(SINGLE):
        began = time.time()
        (record,) = _deliver(pipeline, [alert(number, list(AlertType)[number % 6])])
        took.append(record["finished"] - began)
        time.sleep(0.5)
    _say("ms from the call to the record, p50", 1_000 * percentile(took, 0.5))
    _say("ms from the call to the record, p99", 1_000 * percentile(took, 0.99))


def _deliver(pipeline: Any, messages: Sequence[NotificationMessage]) -> list[dict[str, Any]]:
    from datetime import datetime

    results = [pipeline.client.submit(message).result for message in messages]
    records = [result.get(timeout=300) for result in results]
    return [{**each, "finished": datetime.fromisoformat(each["finished_at"]).timestamp()} for each in records]


def _say(what: str, value: float) -> None:
    print(f"{value:10,.1f}  {what}")  # noqa: T201 - that is what it is for


if __name__ == "__main__":
    main()
