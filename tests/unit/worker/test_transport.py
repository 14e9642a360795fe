"""A worker's connection waits for its broker as kombu's does, and is told of it each second."""

from typing import Any

import kombu
import pytest

from notifier.storage.redis_transports import OneClient
from notifier.worker.transport import CheckedChannel, Connection
from tests.e2e.unreadable_entries import envelope


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
        entry: Any = envelope()
        CheckedChannel._check(connection.default_channel, entry)
        properties = entry["properties"]
        (properties if part in properties else properties["delivery_info"])[part] = 1
        with pytest.raises(TypeError, match=f"^{part}: expected a text"):
            CheckedChannel._check(connection.default_channel, entry)


def test_each_answer_with_an_entry_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []
    client = type("Client", (), {"set_response_callback": lambda _, *given: asked.append(given)})()
    monkeypatch.setattr(OneClient, "_create_client", lambda *_: client, raising=False)
    channel: Any = object.__new__(CheckedChannel)
    assert channel._create_client() is client
    assert [(name.upper(), look) for name, look in asked] == [("BRPOP", channel._checked)]
