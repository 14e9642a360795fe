"""Raises alerts with ours and with bare Celery in turn; prints the median seconds of both as JSON."""

import json
import os
import statistics
import time
from collections.abc import Callable

from celery import Celery

from tasks import send_notification

ROUNDS = 600
PAYLOAD = {"title": "Database timeout", "message": "No answer from db1 within 5 s.", "source": "Import"}

bare = Celery("bare", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"], set_as_current=False)


@bare.task(name="bare")
def task(title: str, message: str, source: str) -> None:
    """Never run here."""


def interleaved(*calls: Callable[[], object]) -> list[float]:
    """The median seconds of each call, measured in turn so that all see the same noise."""
    times: list[list[float]] = [[] for _ in calls]
    for number in range(ROUNDS):
        for position in range(len(calls)):
            which = (position + number) % len(calls)
            start = time.perf_counter()
            calls[which]()
            times[which].append(time.perf_counter() - start)
    return [statistics.median(each[ROUNDS // 10 :]) for each in times]


if __name__ == "__main__":
    print(json.dumps(interleaved(lambda: send_notification.delay(**PAYLOAD), lambda: task.delay(**PAYLOAD))))
