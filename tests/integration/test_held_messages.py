"""What Redis is told of the messages that a worker holds: nothing of triggers, which the outbox misses by itself."""

import json
import logging
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from typing import Any

import kombu
import pytest
import redis

from notifier.outbox.terms import TRIGGER_HEADER
from notifier.worker import transport
from tests.servers import OwnRedis, until

logger = logging.getLogger(__name__)
QUEUE = "held"
TRIGGER = {"id": "1", "task": "send_notification.error", TRIGGER_HEADER: True}


class Connection(transport.Connection):
    """A worker's."""

    def waits(self) -> None:
        """Not here."""


@pytest.fixture
def broker(redis_url: str) -> Iterator[redis.Redis]:
    """Where the messages are."""
    client = redis.Redis.from_url(redis_url, decode_responses=True)
    yield client
    client.delete("unacked", "unacked_index", "_kombu.binding.held")
    client.close()


def take(connection: kombu.Connection, headers: dict[str, Any]) -> Any:
    """The message with these headers, as a worker has it until it acknowledges it."""
    taken: list[Any] = []
    queue = kombu.Queue(QUEUE, kombu.Exchange(QUEUE), routing_key=QUEUE)
    connection.Producer().publish([], exchange=queue.exchange, routing_key=QUEUE, headers=headers, declare=[queue])
    consumer = connection.Consumer([queue], on_message=taken.append, accept=["json"])
    with consumer:
        while not taken:
            connection.drain_events(timeout=10)
    return taken[0]


def held(broker: redis.Redis) -> tuple[int, int]:
    """How many Redis knows of."""
    return broker.hlen("unacked"), broker.zcard("unacked_index")  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        (TRIGGER, 0),
        (TRIGGER | {"eta": "2030-01-01T00:00:00+00:00"}, 1),  # it may be long until it runs
        ({"id": "1", "task": "send_notification.error"}, 1),  # sent by name: the alert itself is in it
        (TRIGGER | {TRIGGER_HEADER: None}, 1),
    ],
)
def test_redis_holds_what_is_more_than_a_trigger(
    redis_url: str, broker: redis.Redis, headers: dict[str, Any], known: int
) -> None:
    with Connection(redis_url) as connection:
        message = take(connection, headers)
        assert held(broker) == (known, known)
        message.ack()
        assert held(broker) == (0, 0)
        assert connection.default_channel.qos.can_consume()
    assert broker.llen(QUEUE) == 0


def test_a_connection_that_is_lost_behind_what_nobody_acknowledges_is_noticed(
    redis_url: str, broker: redis.Redis
) -> None:
    """Such as a worker's question to its neighbours at its start: the answers come through the channel of its tasks."""
    answers: list[Any] = []

    def listening() -> set[str]:
        clients: Any = broker.client_list()
        own = str(broker.connection_pool.connection_kwargs["db"])  # the shared worker listens to another
        return {each["id"] for each in clients if (each["cmd"], each["db"]) == ("brpop", own)}

    others = listening()
    with Connection(redis_url) as connection:
        queue = kombu.Queue(QUEUE, kombu.Exchange(QUEUE), routing_key=QUEUE)
        connection.Producer().publish([], exchange=queue.exchange, routing_key=QUEUE, declare=[queue])
        with connection.Consumer([queue], on_message=answers.append, no_ack=True):
            while not answers:
                connection.drain_events(timeout=10)
            with suppress(TimeoutError):
                connection.drain_events(timeout=0.1)  # it asks for the next one
            until(lambda: listening() - others, "that it listens")
            (ours,) = listening() - others
            broker.client_kill_filter(_id=ours)
            with pytest.raises(connection.connection_errors):
                connection.drain_events(timeout=10)


def test_a_trigger_counts_for_prefetch_until_it_is_acknowledged(redis_url: str, broker: redis.Redis) -> None:
    with Connection(redis_url) as connection:
        message = take(connection, TRIGGER)
        qos = message.channel.qos
        qos.prefetch_count = 1
        assert not qos.can_consume()
        message.ack()
        assert qos.can_consume()


@pytest.mark.parametrize("ends", [lambda message: message.requeue(), lambda message: message.channel.close()])
def test_a_trigger_that_was_not_run_is_put_back_whole(redis_url: str, broker: redis.Redis, ends: Any) -> None:
    with Connection(redis_url) as connection:
        message = take(connection, TRIGGER)
        ends(message)
        (entry,) = broker.lrange(QUEUE, 0, -1)  # type: ignore[misc]
        assert TRIGGER.items() <= json.loads(entry)["headers"].items()
        assert json.loads(entry)["body"] == message._raw["body"]


def test_a_channel_whose_connections_broke_gives_back_what_it_held_and_keeps_none(own_redis: OwnRedis) -> None:
    connection = Connection(own_redis.url)
    take(connection, {"id": "1", "task": "send_notification.error"})
    channel = connection.default_channel
    channel.basic_consume(QUEUE, no_ack=False, callback=print, consumer_tag="waits")
    with suppress(TimeoutError):
        connection.drain_events(timeout=0.1)
    assert channel._in_poll, "it waits for an answer"
    with redis.Redis.from_url(own_redis.url) as other:
        other.client_kill_filter(_type="normal", skipme=True)
        channel.close()
        assert held(other) == (0, 0)
        assert other.llen(QUEUE) == 1
        until(lambda: len(other.client_list()) == 1, "their end")


def test_what_ends_while_the_other_channels_of_its_connection_are_closed_is_not_set_aside(own_redis: OwnRedis) -> None:
    connection = Connection(own_redis.url)
    message = take(connection, {"id": "1", "task": "send_notification.error"})
    own_redis.away()
    message.channel.close()
    own_redis.back()
    message.reject_log_error(logger, connection.connection_errors, requeue=True)
    with redis.Redis.from_url(own_redis.url) as other:
        assert held(other) == (1, 1), "kombu gives it back in time"
    message.channel.qos._delivered.clear()  # else kombu tries once more as this process ends


@pytest.mark.parametrize("away", [False, True])
@pytest.mark.parametrize("headers", [TRIGGER, {"id": "1", "task": "send_notification.error"}])
@pytest.mark.parametrize("end", ["ack_log_error", "reject_log_error"])
def test_a_task_that_ends_once_its_connection_is_closed_ends_no_worker(
    own_redis: OwnRedis, caplog: pytest.LogCaptureFixture, headers: dict[str, Any], end: str, away: bool
) -> None:
    connection = Connection(own_redis.url)
    message = take(connection, headers)
    if away:
        own_redis.away()
    connection.collect()  # as Celery does once it has lost it
    getattr(message, end)(logger, connection.connection_errors)
    assert all("the connection that the message came by is closed" in each.message for each in caplog.records)
    message.channel.qos._delivered.clear()  # else kombu tries once more as this process ends


@pytest.mark.parametrize(
    ("ends", "tells"),
    [
        (lambda message: message.requeue(), pytest.raises(redis.ConnectionError)),
        (lambda message: message.channel.close(), nullcontext()),
    ],
)
def test_nothing_of_an_alert_is_logged_where_its_trigger_cannot_be_put_back(
    own_redis: OwnRedis, caplog: pytest.LogCaptureFixture, ends: Any, tells: Any
) -> None:
    message = take(Connection(own_redis.url), TRIGGER | {"kwargsrepr": "the title"})
    own_redis.away()
    with tells:
        ends(message)
    assert caplog.records == []
    message.ack()  # else kombu tries once more as this process ends
