"""Raises one alert at a time, ours and a bare task in turn, and waits for its result; prints the seconds as JSON."""

import json
import sys
import time
from collections.abc import Callable

from tasks import send_notification
from tests.benchmarks.bare_tasks import post

PAUSE_SECONDS = 0.1
"""So that each alert finds the workers idle."""
TYPES = ("general", "tracklist", "monitoring", "error", "security", "critical")
GET_SECONDS = 30
FIRST = 3
"""Of each type: connections are made, and a webhook is looked at."""


def seconds(call: Callable[[], object]) -> float:
    """How long it takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def main(rounds: int, url: str) -> None:
    """At most 25 rounds of each type: its channel takes 30 a minute."""
    times: dict[str, list[float]] = {"ours": [], "bare": []}
    for kind in TYPES[: -(-rounds // 25)]:
        for number in range(min(rounds, 25)):
            sides: dict[str, Callable[[], object]] = {
                "ours": lambda: send_notification.delay(alert_type=kind, title="Disk full").get(timeout=GET_SECONDS),  # noqa: B023
                "bare": lambda: post.delay(url, "Disk full").get(timeout=GET_SECONDS),
            }
            for name in sorted(sides, reverse=bool(number % 2)):
                took = seconds(sides[name])
                if number >= FIRST:
                    times[name].append(took)
                time.sleep(PAUSE_SECONDS)
    print(json.dumps(times))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
