"""Raises critical alerts, each awaited, idle or under a flood of general ones; prints the seconds of each."""

import json
import sys
import time

from tasks import send_notification

PAUSE_SECONDS = 0.02
GET_SECONDS = 60


def seconds(number: int) -> float:
    """From the call to the result."""
    start = time.perf_counter()
    send_notification.delay(alert_type="critical", title=f"Database {number} is gone").get(timeout=GET_SECONDS)
    time.sleep(PAUSE_SECONDS)
    return time.perf_counter() - start - PAUSE_SECONDS


def main(count: int, flood: int) -> None:
    """The flood is raised first; it waits, because its webhook answers nothing."""
    for number in range(5):
        seconds(number)
    for number in range(flood):
        send_notification.delay(alert_type="general", title=f"Disk {number} is full")
    print(json.dumps([seconds(number) for number in range(count)]))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
