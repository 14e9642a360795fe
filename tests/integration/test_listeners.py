"""A commit publishes a result only where somebody listens, and whoever waits for one hears of it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from notifier.outbox.outbox import Outbox
from notifier.storage.connection import connect
from tests.integration.conftest import Bench
from tests.integration.lone_redis import lone_redis  # noqa: F401 (a fixture)
from tests.names import names

ALERTS = [f"alert {number}" for number in range(10)]
PAGE = Path(__file__).parents[2] / "docs" / "redis.md"
ASKS = "+pubsub|numsub"
PASSWORD = "fake-token-of-a-worker"


def channel(name: str) -> str:
    """That of the result of one."""
    return names.result(name)


@pytest.fixture
def waiting(bench: Bench) -> Bench:
    """Ten alerts wait for one batch."""
    bench.admit("first")
    bench.open_gate()
    bench.admit(*ALERTS)
    return bench


def heard(listener: Any) -> list[str]:
    """The channels of what a subscriber has got; its subscriptions are done."""
    found = []
    while message := listener.get_message(timeout=0.2):
        if message["type"] in ("message", "pmessage"):
            assert '"status":"SUCCESS"' in message["data"]
            found.append(message["channel"])
    return found


def publications(bench: Bench) -> int:
    """How many were made since the statistics began."""
    found: dict[str, Any] = bench.redis.info("commandstats")
    return int(found.get("cmdstat_publish", {"calls": 0})["calls"])


@pytest.fixture
def listener(waiting: Bench) -> Iterator[Any]:
    """A subscriber of nothing so far."""
    own: Any = waiting.redis.pubsub()
    yield own
    own.close()


def subscribed(listener: Any, *channels: str, to_patterns: bool = False) -> None:
    """Returns once Redis knows it."""
    (listener.psubscribe if to_patterns else listener.subscribe)(*channels)
    for _ in channels:
        assert listener.get_message(timeout=5)["type"].endswith("subscribe")


def test_where_nobody_listens_ten_results_are_one_publication(waiting: Bench) -> None:
    waiting.redis.config_resetstat()
    waiting.commit(waiting.batch())
    assert publications(waiting) == 1
    assert all(waiting.redis.exists(channel(name)) for name in ALERTS)


@pytest.mark.parametrize("places", [[0], [3], [9], [2, 7]])
def test_each_that_waits_for_one_hears_of_it(waiting: Bench, listener: Any, places: list[int]) -> None:
    mine = [channel(ALERTS[place]) for place in places]
    subscribed(listener, *mine)
    waiting.redis.config_resetstat()
    waiting.commit(waiting.batch())
    assert heard(listener) == mine
    assert publications(waiting) == len({0, *places})


@pytest.mark.parametrize("also", [[], [ALERTS[0]]])
def test_a_pattern_of_channels_hears_of_all(waiting: Bench, listener: Any, also: list[str]) -> None:
    other: Any = waiting.redis.pubsub()
    if also:
        subscribed(other, *map(channel, also))
    subscribed(listener, channel("*"), to_patterns=True)
    waiting.commit(waiting.batch())
    assert heard(listener) == [channel(name) for name in ALERTS]
    assert heard(other) == [channel(name) for name in also]
    other.close()


@pytest.mark.parametrize("right", ["", ASKS])
def test_a_worker_without_the_right_to_ask_tells_all(waiting: Bench, listener: Any, right: str) -> None:
    """As version 0.2 needed its rights, and as they are now."""
    (rights,) = re.findall(r"^ACL SETUSER notifier-worker (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert ASKS in rights.split()
    granted = [each for each in rights.split() if each not in (">PASSWORD", ASKS)]
    admin = waiting.redis
    admin.execute_command("ACL SETUSER", "worker", "reset", *granted, f">{PASSWORD}", "~test:clock", *right.split())
    where = admin.connection_pool.connection_kwargs
    client = connect(f"redis://worker:{PASSWORD}@{where['host']}:{where['port']}/{where['db']}", 5)
    waiting.outbox = Outbox(client, waiting.settings)
    batch = waiting.batch()
    assert len(batch.items) == 10
    subscribed(listener, *map(channel, ALERTS[5:7]))
    admin.config_resetstat()
    waiting.commit(batch)
    client.close()
    admin.execute_command("ACL DELUSER", "worker")
    assert heard(listener) == [channel(name) for name in ALERTS[5:7]]
    assert publications(waiting) == (3 if right else 10)


def test_one_alone_is_published_at_once(waiting: Bench, listener: Any) -> None:
    waiting.commit(waiting.batch())
    waiting.tick(1)
    waiting.admit("alone")
    subscribed(listener, channel("alone"))
    waiting.redis.config_resetstat()
    waiting.commit(waiting.batch())
    assert heard(listener) == [channel("alone")]
    assert "cmdstat_pubsub|numsub" not in waiting.redis.info("commandstats")


def test_what_is_heard_is_what_is_stored(waiting: Bench, listener: Any) -> None:
    subscribed(listener, channel(ALERTS[4]))
    waiting.commit(waiting.batch())
    message = listener.get_message(timeout=5)
    assert message["data"] == waiting.redis.get(channel(ALERTS[4]))
