"""A caller's channel to a Redis makes one client, and another one once its connections are renewed."""

from collections.abc import Iterator
from typing import Any

import pytest
from kombu import Connection

from notifier.storage.broker import create_app, dispatch_connection
from notifier.storage.idle_connection import READ_BYTES
from tests.integration.held_memory import most_memory_of

QUEUE = "test-dispatch"


@pytest.fixture
def connection(redis_url: str) -> Iterator[Connection]:
    """Of a caller."""
    app = create_app("dispatches")
    app.conf.update(broker_url=redis_url)
    with dispatch_connection(app, 5) as connection:
        yield connection


def publish(connection: Connection, number: int) -> None:
    connection.Producer().publish({"number": number}, routing_key=QUEUE, exchange="", serializer="json")


def test_one_client_publishes_every_message(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    channel: Any = connection.default_channel
    made: list[object] = []
    make = channel.Client
    monkeypatch.setattr(channel, "Client", lambda **pool: made.append(pool) or make(**pool))
    for number in range(3):
        publish(connection, number)
    assert len(made) <= 1
    assert channel._size(QUEUE) == 3
    channel._purge(QUEUE)


def test_another_client_follows_when_the_connections_are_renewed(connection: Connection) -> None:
    channel: Any = connection.default_channel
    before = channel._create_client()
    assert channel._create_client() is before
    channel._disconnect_pools()
    assert channel._create_client() is not before
    publish(connection, 1)
    assert channel._size(QUEUE) == 1
    channel._purge(QUEUE)


def test_who_waits_for_an_answer_holds_little_memory(connection: Connection) -> None:
    client: Any = connection.default_channel
    client = client._create_client()
    client.ping()
    assert most_memory_of(client.ping) < 4 * READ_BYTES


def test_behind_sentinels_too() -> None:
    app = create_app("dispatches")
    app.conf.update(broker_url="sentinel://nowhere:1", broker_transport_options={"master_name": "alerts"})
    assert dispatch_connection(app, 5).get_transport_cls().__module__ == "notifier.storage.dispatch_transport"
