"""A worker's connection waits for its broker as kombu's does, and is told of it each second."""

from typing import Any

import kombu
import pytest

from notifier.worker.transport import Connection


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
