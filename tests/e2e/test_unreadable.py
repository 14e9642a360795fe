"""Whatever lies in a queue: it ends no worker, delays no alert, and is kept whole where it can be looked at."""

import base64
import json
from collections import Counter
from collections.abc import Iterator

import pytest
import redis

from notifier.outbox.unreadable import UnreadableEntries, unreadable
from notifier.storage.connection import connect
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, Notifier
from tests.e2e.unreadable_entries import (
    BROADCASTS,
    NO_ENVELOPE,
    NO_TASK_MESSAGE,
    PROTOCOL_1,
    QUEUE,
    UNREADABLE,
    envelope,
    headers,
    protocol_1,
    raw,
)
from tests.names import names
from tests.servers import OwnRedis, until

ROOMY = {"DISCORD_RATE_LIMIT": "1000"}


@pytest.fixture
def broker(redis_url: str) -> Iterator["redis.Redis"]:
    """Redis, as any program may use it that can reach it."""
    client = redis.Redis.from_url(redis_url)
    yield client
    client.close()


@pytest.mark.slow
def test_each_unreadable_entry_is_set_aside_once_and_whole_and_the_alerts_between_them_are_delivered(
    broker: "redis.Redis", application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    worker = start_worker(NOTIFIER_WATCH_SECONDS="600", **ROOMY)
    entries = [raw(entry) for entry in UNREADABLE.values()]
    for each in BROADCASTS:
        # a worker that is ready may not have subscribed yet
        until(lambda: broker.publish("/1.notifier.pidbox", each) == 1, "the worker")  # noqa: B023
    titles, ids = [PROTOCOL_1], []
    broker.lpush(QUEUE, raw(protocol_1()))
    for number, entry in enumerate(entries):
        broker.lpush(QUEUE, entry)
        if number % 5 == 0:
            titles.append(f"behind {number}")
            ids += application.raise_alerts(titles[-1])
    application.wait(ids)
    kept = application.pipeline.unreadable
    until(lambda: len(kept.list()) >= len(entries), "all that is unreadable")
    until(lambda: any(title.startswith("Not a task's") for title in sandbox.titles()), "the alert about them")

    assert Counter(entry.raw for entry in kept.list()) == Counter(entries)
    assert {entry.queue for entry in kept.list()} == {QUEUE}
    problems = Counter(entry.problem for entry in kept.list())
    assert problems["no_envelope"] == len(NO_ENVELOPE)
    assert problems["unknown_task"] == 2
    assert sum(problems.values()) == len(NO_ENVELOPE) + len(NO_TASK_MESSAGE)
    posted = Counter(sandbox.titles())
    assert {title: posted[title] for title in titles} == dict.fromkeys(titles, 1)
    until(lambda: worker.output().count("set aside as ") >= len(entries), "a line about each")
    assert worker.output().count("set aside as ") == len(entries), "each is logged once"
    until(lambda: broker.llen(QUEUE) == 0, "nothing that waits in the queue")
    until(lambda: broker.hlen(names.unacked) == 0, "nothing that the worker still holds")
    unknown = UNREADABLE["unknown task"]["headers"]["id"]
    assert not broker.exists(names.result(unknown)), "it is no failure of an alert"
    assert application.app.control.ping(timeout=10, limit=1), "it still obeys"
    assert worker.running


@pytest.mark.slow
def test_what_a_worker_held_that_is_gone_is_put_back_or_set_aside(
    broker: "redis.Redis", application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    unreadable_ones = [
        *(b"garbage", b"[]", b'[5, "", ""]', b"\xff", json.dumps([envelope(properties=None), "", QUEUE]).encode()),
        json.dumps([{**protocol_1(), "headers": None}, "", QUEUE]).encode(),
        json.dumps([envelope(), "an exchange of nobody", QUEUE]).encode(),
        json.dumps([envelope(), ["x"], QUEUE]).encode(),
    ]
    held = [*unreadable_ones, json.dumps([protocol_1(), "", QUEUE]).encode()]
    broker.hset(names.unacked, mapping={f"tag {number}": each for number, each in enumerate(held)})
    broker.zadd(f"{names.unacked}_index", {f"tag {number}": 1 for number in range(len(held))})
    worker = start_worker()
    until(lambda: sandbox.titles() == [PROTOCOL_1], "the one that is readable")
    kept = application.pipeline.unreadable
    until(lambda: len(kept.list()) == len(unreadable_ones), "the others")
    assert Counter(entry.raw for entry in kept.list()) == Counter(unreadable_ones)
    until(lambda: broker.hlen(names.unacked) == broker.zcard(f"{names.unacked}_index") == 0, "nothing that is held")
    assert worker.running


@pytest.mark.slow
def test_what_cannot_be_set_aside_while_redis_is_away_is_set_aside_once_it_is_back(
    broker: "redis.Redis",
    redis_url: str,
    own_redis: OwnRedis,
    application: Application,
    start_worker: StartWorker,
) -> None:
    """Celery's messages travel through another Redis, which stays."""
    worker = start_worker(REDIS_URL=own_redis.url, CELERY_BROKER_URL=redis_url)
    own_redis.away()
    unknown = raw(envelope(headers=headers(task="of_tomorrow")))
    broker.lpush(QUEUE, b"while Redis is away", unknown)
    until(lambda: worker.output().count("could not be set aside yet") >= 3, "attempts")
    until(lambda: broker.hlen(names.unacked) == 1, "the broker keeps what it can give again")
    own_redis.back()
    client = connect(own_redis.url, 5)
    kept = UnreadableEntries(client, application.pipeline.settings)
    until(kept.list, "the one that the broker cannot give again")
    assert [entry.raw for entry in kept.list()] == [b"while Redis is away"]
    client.close()


@pytest.mark.slow
def test_an_entry_can_be_looked_at_put_back_and_dropped(
    broker: "redis.Redis", application: Application, notifier: Notifier
) -> None:
    kept = application.pipeline.unreadable
    entries = [b"garbage", b"\xff\xfe", raw(envelope(headers=headers(task="of_tomorrow")))]
    for each in entries:
        kept.set_aside(unreadable(QUEUE, each, "no_envelope", "why"))
    tomorrow, binary, garbage = json.loads(notifier("dead", "unreadable", "--json").stdout)
    assert [entry["queue"] for entry in (tomorrow, binary, garbage)] == [QUEUE] * 3
    assert tomorrow["entry"] == entries[2].decode()
    assert base64.b64decode(binary["entry_base64"]) == entries[1]
    shown = notifier("dead", "unreadable").stdout
    assert all(each in shown for each in (garbage["id"], "no_envelope", "why", "'garbage'"))

    assert notifier("dead", "unreadable", "--put-back", tomorrow["id"]).stdout == "1 entry put back\n"
    assert broker.lrange(QUEUE, 0, -1) == [entries[2]]
    assert notifier("dead", "unreadable", "--drop", tomorrow["id"]).returncode == 1, "it is there no more"
    assert notifier("dead", "unreadable", "--drop", "--all").stdout == "2 entries dropped\n"
    assert kept.list() == []
