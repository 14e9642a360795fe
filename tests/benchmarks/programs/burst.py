"""Raises alerts as fast as it can, in turn of every type given; prints when it began and ended, as JSON."""

import json
import sys
import time

TEXT = "The job of last night ended with an error, and nobody has looked at it yet. Its log is on db1 in /var/log/jobs."


def ours(count: int, types: list[str]) -> None:
    """Through the outbox."""
    from tasks import send_notification

    for number in range(count):
        send_notification.delay(alert_type=types[number % len(types)], title=f"Alert {number}", message=TEXT)


def bare(count: int, urls: list[str]) -> None:
    """One bare task each."""
    from tests.benchmarks.programs.bare_tasks import post

    for number in range(count):
        post.delay(urls[number % len(urls)], f"Alert {number}", TEXT)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    began = time.time()
    {"ours": ours, "bare": bare}[given.pop("side")](**given)
    print(json.dumps({"began": began, "raised": time.time()}))
