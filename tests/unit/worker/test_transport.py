"""A worker's connection waits for its broker as kombu's does, and is told of it each second."""

from queue import Empty
from typing import Any, cast

import kombu
import pytest
import redis

from notifier.storage.redis_transports import OneClient
from notifier.worker import transport
from notifier.worker.transport import CheckedChannel, Connection, QoS, check_where
from tests.e2e.unreadable_entries import envelope, headers


def test_how_long_a_broker_is_waited_for_stays_as_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []
    told: list[str] = []

    class Here(Connection):
        def waits(self) -> None:
            told.append("waits")

    monkeypatch.setattr(kombu.Connection, "_ensure_connection", lambda _, *args, **more: asked.append((args, more)))
    Here("memory://")._ensure_connection("errback", 3, callback=lambda: told.append("its own"), timeout=4)
    ((args, more),) = asked
    more.pop("callback")()
    assert (args, more) == (("errback", 3), {"timeout": 4})
    assert told == ["waits", "its own"]


@pytest.mark.parametrize("part", ["delivery_tag", "exchange", "routing_key"])
def test_an_entry_is_taken_if_texts_say_where_it_was(part: str) -> None:
    with kombu.Connection("memory://") as connection:
        channel, entry = connection.default_channel, cast("dict[str, Any]", envelope())
        check_where(channel.Message(entry, channel=channel))
        properties = entry["properties"]
        where = properties if part in properties else properties["delivery_info"]
        where[part] = 1
        with pytest.raises(TypeError, match=f"^{part}: expected a text"):
            check_where(channel.Message(entry, channel=channel))
        where[part] = "\ud800"
        with pytest.raises(UnicodeEncodeError):
            check_where(channel.Message(entry, channel=channel))


class Read:
    """kombu's reading of an entry, which fails."""

    sep = "\x06\x16"
    error = ValueError("no message")

    def _brpop_read(self: Any) -> None:
        if self.found:
            self._note_entry([b"a queue", self.found])
        self.is_read |= self.fails_later
        raise self.error


class Channel(CheckedChannel, Read):
    """With what it sets aside. ``fails_later``: once the message is held."""

    def __init__(self, found: bytes, *, fails_later: bool = False) -> None:
        self.found, self.fails_later = found, fails_later
        self.aside: list[tuple[Any, ...]] = []

    def set_aside(self, *given: Any) -> None:
        self.aside.append(given)


def test_each_entry_of_which_no_message_was_made_is_set_aside() -> None:
    channel = Channel(b"{")
    for _ in range(2):
        with pytest.raises(Empty):
            channel._brpop_read()
    assert channel.aside == [("a queue", b"{", channel.error)] * 2


def test_an_error_without_an_entry_or_behind_its_message_is_not_the_entrys() -> None:
    channel = Channel(b"{")
    with pytest.raises(Empty):
        channel._brpop_read()
    for failing in (channel, Channel(b"{}", fails_later=True)):
        before = list(failing.aside)
        failing.found = b"" if failing is channel else failing.found
        with pytest.raises(ValueError, match="no message"):
            failing._brpop_read()
        assert failing.aside == before


def test_each_answer_with_an_entry_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []
    client = type("Client", (), {"set_response_callback": lambda _, *given: asked.append(given)})()
    monkeypatch.setattr(OneClient, "_create_client", lambda *_: client, raising=False)
    channel: Any = object.__new__(CheckedChannel)
    assert channel._create_client() is client
    assert [(name.upper(), look) for name, look in asked] == [("BRPOP", channel._note_entry)]


def test_what_kombu_holds_is_read_unless_nothing_says_where_it_was() -> None:
    with kombu.Connection("memory://") as connection:
        channel: Any = connection.default_channel
        channel.is_read, entry = False, cast("dict[str, Any]", envelope(headers=headers(notifier_trigger=True)))
        message = channel.Message(entry, channel=channel)
        QoS(channel).append(message, message.delivery_tag)
        assert channel.is_read
        channel.is_read, message.delivery_tag = False, 1
        with pytest.raises(TypeError, match="delivery_tag: expected a text"):
            QoS(channel).append(message, 1)
        assert not channel.is_read


@pytest.mark.parametrize(
    ("error", "of_entry"),
    [(RecursionError(), True), (redis.ConnectionError(), False), (redis.ResponseError(), False)],
)
def test_what_can_be_read_and_not_be_held_is_set_aside_unless_it_is_redis_that_fails(
    monkeypatch: pytest.MonkeyPatch, error: Exception, *, of_entry: bool
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(transport._Unstored, "append", fail)
    with kombu.Connection("memory://") as connection:
        channel: Any = connection.default_channel
        channel.connection.connection_errors = (redis.ConnectionError,)
        channel.connection.channel_errors = (redis.ResponseError,)
        channel.is_read, entry = False, cast("dict[str, Any]", envelope(headers=headers(notifier_trigger=True)))
        with pytest.raises(type(error)):
            QoS(channel).append(channel.Message(entry, channel=channel), "a tag")
        assert channel.is_read is not of_entry
