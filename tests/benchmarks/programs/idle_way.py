"""Raises one alert at a time, ours and a bare task in turn, and waits for its result; prints the seconds as JSON.

``steps``: of those of ours, what Redis spent in scripts.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from notifier.storage.connection import connect
from tasks import send_notification
from tests.benchmarks.bare_tasks import REDIS_URL, post

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


def script_seconds(client: Any) -> float:
    """What Redis has spent in scripts, which ours alone has, by its own clock."""
    return float(client.info("commandstats").get("cmdstat_evalsha", {}).get("usec", 0)) / 1e6


def main(rounds: int, url: str) -> None:
    """At most 25 rounds of each type: its channel takes 30 a minute."""
    times: dict[str, list[float]] = {"ours": [], "bare": [], "steps": []}
    client = connect(REDIS_URL, GET_SECONDS)
    spent = script_seconds(client)
    for kind in TYPES[: -(-rounds // 25)]:
        for number in range(min(rounds, 25)):
            sides: dict[str, Callable[[], object]] = {
                "ours": lambda: send_notification.delay(alert_type=kind, title="Disk full").get(timeout=GET_SECONDS),  # noqa: B023
                "bare": lambda: post.delay(url, "Disk full").get(timeout=GET_SECONDS),
            }
            for name in sorted(sides, reverse=bool(number % 2)):
                took = seconds(sides[name])
                before, spent = spent, script_seconds(client)  # and Redis sleeps behind it
                if number >= FIRST:
                    times[name].append(took)
                    times["steps"] += [spent - before] if name == "ours" else []
                time.sleep(PAUSE_SECONDS)
    print(json.dumps(times))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
