"""Raises alerts, then ends them; prints the bytes of Redis for each while it waits and afterwards, as JSON."""

import json
import os
import sys
from pathlib import Path

from notifier.models import AlertType
from notifier.storage.connection import connect
from notifier.storage.keys import Keys
from tasks import send_notification
from tests.benchmarks.alert_bytes import used
from tests.benchmarks.programs.clocked import clocked

MINUTE = 60
GENERAL = AlertType.GENERAL
LINES = " ".join((Path(__file__).parents[2] / "data" / "ordinary_lines.txt").read_text(encoding="ascii").split())
CHARACTERS = 200
TITLE = "Nightly import failed"
FIRST = 100
"""What there is once, whatever comes, is there by then."""


def text(number: int) -> str:
    """Each another: what is alike might be kept in less."""
    start = 37 * number % (len(LINES) - CHARACTERS)
    return LINES[start : start + CHARACTERS]


def raised(count: int) -> None:
    """So many, as an application does it."""
    for number in range(count):
        send_notification.delay(alert_type=GENERAL, title=TITLE, message=text(number))


def main(count: int) -> None:
    """No worker runs; the batches are claimed and committed here, by a clock set by hand."""
    client = connect(os.environ["REDIS_URL"], 30)
    raised(FIRST)
    before = used(client)
    raised(count)
    waiting = (used(client) - before) / count
    bench = clocked(client)
    client.set("test:clock", client.time()[0] * 1_000_000)
    waits = Keys().outbox(GENERAL, "waiting")
    client.delete("notifications.general")  # Celery's messages: a worker would have taken them
    ends = []
    while client.zcard(waits):
        bench.tick(MINUTE)
        bench.commit(bench.batch())
        ends.append(used(client))
    done = FIRST // 10
    finished = waiting + (ends[-1] - ends[done - 1]) / count  # the same alerts waited then
    given = {"id": "0" * 36, "alert_type": GENERAL, "title": TITLE, "message": text(0)}
    client.close()
    print(json.dumps({"waiting": waiting, "finished": finished, "json": len(json.dumps(given))}))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
