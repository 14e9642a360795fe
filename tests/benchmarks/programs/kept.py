"""Raises alerts, then ends them; prints the bytes of Redis for each, in all and by parts, as JSON."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

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


def parts(client: Any, count: int) -> dict[str, float]:
    """What each key takes whatever it holds, what a life of it adds, and a place in a sorted set."""
    name = Keys().notification
    key = _grown(client, count, lambda pipe, each: pipe.set(name(each), 1))
    life = _grown(client, count, lambda pipe, each: pipe.set(name(each), 1, ex=MINUTE)) - key
    place = _grown(client, count, lambda pipe, each: pipe.zadd("places", {each: 1}))
    return {"key": key, "life": life, "place": place}


def _grown(client: Any, count: int, write: Callable[[Any, str], object]) -> float:
    """By an id each, in a Redis that is empty else."""
    client.flushdb()
    sizes = []
    for times in (FIRST, count):
        pipe = client.pipeline(transaction=False)
        for _ in range(times):
            write(pipe, str(uuid4()))
        pipe.execute()
        sizes.append(used(client))
    return float(sizes[1] - sizes[0]) / count


def main(count: int) -> None:
    """No worker runs; the batches are claimed and committed here, by a clock set by hand."""
    client: Any = connect(os.environ["REDIS_URL"], 30)
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
    result = client.strlen(next(client.scan_iter(match=Keys().result("*"))))
    sizes = {"waiting": waiting, "finished": finished, "json": len(json.dumps(given)), "result": result}
    print(json.dumps({**sizes, **parts(client, count)}))
    client.close()


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
