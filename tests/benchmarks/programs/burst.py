"""Raises alerts as fast as it can, in turn of every type given; prints when it began and ended, as JSON."""

import json
import sys
import time
from collections.abc import Callable

Raise = Callable[[int], object]
TEXT = "The job of last night ended with an error, and nobody has looked at it yet. " * 3
MORE = {"message": TEXT, "fields": {"Host": "db1.example.com", "Exit code": "1"}, "source": "jobs"}


def ours(types: list[str]) -> Raise:
    """Through the outbox."""
    from tasks import send_notification

    def call(number: int) -> object:
        return send_notification.delay(alert_type=types[number % len(types)], title=f"Alert {number}", **MORE)

    return call


def bare(urls: list[str]) -> Raise:
    """One bare task each."""
    from tests.benchmarks.bare_tasks import post

    return lambda number: post.delay(urls[number % len(urls)], f"Alert {number}", TEXT)


def main(side: str, count: int, **given: list[str]) -> None:
    """Imports come before the beginning."""
    sides: dict[str, Callable[..., Raise]] = {"ours": ours, "bare": bare}
    call = sides[side](**given)
    began = time.time()
    for number in range(count):
        call(number)
    print(json.dumps({"began": began, "raised": time.time()}))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
