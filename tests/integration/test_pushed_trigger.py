"""The step that admits an alert puts its delivery task into its queue, where the broker is the same Redis."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from celery import signals
from celery.signals import Signal

from notifier.models import AlertType, NotificationMessage
from notifier.outbox.admission import Admission, Admitted
from notifier.outbox.records import Records
from notifier.producer.publisher import Publisher
from notifier.settings import Settings
from notifier.storage.broker import create_app
from notifier.storage.connection import connect
from tests.integration.conftest import Bench, MakeBench
from tests.names import names

QUEUE = names.queue(AlertType.ERROR)
TITLE = 'A "quoted" title with \\, %1, 00000000000000000000000000000001 and ünïcode'


@pytest.fixture
def publisher(redis_url: str, bench: Bench) -> Iterator[Publisher]:
    """Of a caller whose broker is the Redis of the outboxes."""
    yield from publisher_on(redis_url, one_redis=True)


@pytest.fixture
def with_another_broker(redis_url: str, bench: Bench) -> Iterator[Publisher]:
    """Of a caller whose broker may be any."""
    yield from publisher_on(redis_url, one_redis=False)


def publisher_on(redis_url: str, *, one_redis: bool) -> Iterator[Publisher]:
    app = create_app("pushes")
    app.conf.update(broker_url=redis_url)
    client, settings = connect(redis_url, 5), Settings.load()
    yield Publisher(app, Admission(client, settings), Records(client, settings), None, names, 5, one_redis=one_redis)
    client.delete(QUEUE)
    client.close()


def alert(name: str) -> NotificationMessage:
    return NotificationMessage(id=name, title=TITLE, alert_type="error")


def queued(client: "redis.Redis") -> list[dict[str, Any]]:
    """What lies in the queue, the first that came first."""
    entries: Any = client.lrange(QUEUE, 0, -1)
    return [json.loads(each) for each in reversed(entries)]


def test_it_is_what_celery_itself_sends(publisher: Publisher, bench: Bench) -> None:
    publisher.submit(alert("a"))
    (pushed,) = queued(bench.redis)
    publisher.dispatch(alert("a"))
    sent = queued(bench.redis)[1]
    tags = [each["properties"].pop("delivery_tag") for each in (pushed, sent)]
    assert pushed == sent
    assert tags[0] != tags[1]
    assert all(len(each) > 30 for each in tags)


def test_each_has_its_own_tag_id_and_title(publisher: Publisher, bench: Bench) -> None:
    for name in ("a", "b"):
        publisher.submit(alert(name))
        bench.redis.delete(names.outbox(AlertType.ERROR, "waiting"))
    first, second = queued(bench.redis)
    assert [each["headers"]["id"] for each in (first, second)] == ["a", "b"]
    assert [each["properties"]["correlation_id"] for each in (first, second)] == ["a", "b"]
    assert "quoted" in second["headers"]["kwargsrepr"]
    assert first["properties"]["delivery_tag"] != second["properties"]["delivery_tag"]


def test_of_a_burst_one_lies_in_the_queue(publisher: Publisher, make_bench: MakeBench) -> None:
    for number in range(20):
        publisher.submit(alert(f"n{number}"))
    assert [each["headers"]["id"] for each in queued(make_bench().redis)] == ["n0"]


@pytest.mark.parametrize("signal", [signals.before_task_publish, signals.after_task_publish])
def test_where_somebody_listens_to_what_celery_tells_celery_sends_it(
    publisher: Publisher, bench: Bench, signal: Signal
) -> None:
    told: list[str] = []
    publisher.submit(alert("before"))
    bench.redis.delete(QUEUE, names.outbox(AlertType.ERROR, "waiting"))

    def listen(headers: dict[str, Any], **_: object) -> None:
        told.append(headers["id"])

    signal.connect(listen)
    try:
        publisher.submit(alert("a"))
    finally:
        signal.disconnect(listen)
    assert told == ["a"]
    assert len(queued(bench.redis)) == 1


def test_where_the_broker_may_be_another_celery_sends_it(with_another_broker: Publisher, bench: Bench) -> None:
    assert with_another_broker.trigger_of(alert("a")) is None
    with_another_broker.submit(alert("a"))
    assert len(queued(bench.redis)) == 1


def test_a_queue_that_does_not_take_it_costs_no_alert(publisher: Publisher, bench: Bench) -> None:
    bench.redis.set(QUEUE, "no list")
    message = alert("a")
    assert publisher.admit(message, with_task=True) is Admitted.NOW
    assert bench.redis.zcard(names.outbox(AlertType.ERROR, "waiting")) == 1
