"""An outbox that does not move is told from one that waits; what a Redis says of itself."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from notifier.errors import BrokerUnavailable
from notifier.models import AlertType
from notifier.operations import outboxes as outboxes_module
from notifier.operations import redis_server
from notifier.operations.health import Seen, seen
from notifier.operations.outboxes import STILL_SECONDS, OutboxState, outboxes
from notifier.operations.redis_server import read_server
from notifier.outbox.claim import Throttled
from notifier.outbox.terms import Terms
from notifier.outcome import Failed, Reason
from notifier.storage.connection import connect
from tests.integration.conftest import CLOCK, Bench, MakeBench
from tests.names import names

General = Callable[[Bench], OutboxState]


@pytest.fixture
def general(monkeypatch: pytest.MonkeyPatch) -> General:
    """Reads the outbox of general alerts, by the test's clock."""
    monkeypatch.setattr(outboxes_module, "clock", lambda client: int(client.get(CLOCK)))
    return lambda bench: outboxes(bench.redis, names, [AlertType.GENERAL])[0]


def test_an_outbox_that_nobody_comes_for_is_stuck_since_its_oldest_came(bench: Bench, general: General) -> None:
    assert general(bench).stuck_since is None, "nothing waits"
    admitted = datetime.fromtimestamp(int(bench.redis.get(CLOCK)) / 1_000_000, UTC)  # type: ignore[arg-type]
    bench.admit("a", "b")
    bench.tick(STILL_SECONDS - 1)
    assert general(bench).stuck_since is None
    bench.tick(2)
    assert datetime.fromisoformat(general(bench).stuck_since or "") == admitted


def test_one_that_waits_for_a_reason_is_not_stuck(make_bench: MakeBench, general: General) -> None:
    bench = make_bench(breaker_failures=1, breaker_open_seconds=300)
    bench.admit("later", terms=Terms(after_seconds=10_000))
    bench.tick(300)
    assert general(bench).stuck_since is None, "it is postponed"
    bench.admit("a")
    batch = bench.batch()
    bench.admit("b")
    bench.tick(STILL_SECONDS + 5)
    assert general(bench).stuck_since is None, "a request is under way"
    following = bench.commit(batch, Failed(Reason.SERVER_ERROR)).wake_up
    assert following is not None
    bench.tick(5)
    assert isinstance(bench.claim(wake_up=following.token), Throttled)
    bench.tick(STILL_SECONDS - 3)
    assert general(bench).stuck_since is None, "a wake-up comes once the breaker lets it"
    bench.tick(300)
    assert general(bench).stuck_since is not None, "it came not"


def test_one_that_moved_a_moment_ago_is_not_stuck(bench: Bench, general: General) -> None:
    bench.admit("a")
    batch = bench.batch()
    bench.admit("b")
    bench.tick(300)
    bench.commit(batch)
    bench.redis.delete(names.outbox("general", "wake_up"))
    bench.tick(STILL_SECONDS - 5)
    assert general(bench).stuck_since is None
    bench.tick(10)
    assert general(bench).stuck_since is not None


def test_one_in_which_nothing_is_due_is_not_stuck(bench: Bench, general: General) -> None:
    bench.admit("a")
    bench.commit(bench.batch(), Failed(Reason.SERVER_ERROR), retry_wait_seconds=500)
    bench.redis.delete(names.outbox("general", "wake_up"))
    bench.tick(400)
    assert general(bench).stuck_since is None


def test_a_redis_says_which_it_is(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    server = read_server(bench.redis, "here")
    assert (server.role, server.eviction_policy, server.address, server.cannot_save) == (
        *("master", "noeviction", "here", None),
    )
    assert server.version
    assert server.appendonly is not None
    assert abs(server.clock_ahead_seconds) < redis_server.CLOCK_SECONDS
    assert server.warnings == ()
    real = time.time
    monkeypatch.setattr(redis_server.time, "time", lambda: real() + 3_600)
    (warning,) = read_server(bench.redis, "here").warnings
    assert re.match(r"Redis' clock is 3[56]\d\d s behind this machine's", warning)


@pytest.mark.parametrize("name", ["rdb_last_bgsave_status", "aof_last_write_status"])
def test_a_redis_that_cannot_save_is_told(bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(redis_server, "try_commands", lambda *_: [{name: "err"}, ConnectionError()])
    (warning,) = read_server(bench.redis, "here").warnings
    assert warning.startswith(f"Redis cannot save to its disk ({name}: err)")


def test_while_redis_is_away_nothing_is_seen_of_it() -> None:
    away = connect("redis://127.0.0.1:1/0", 1)
    with pytest.raises(BrokerUnavailable):
        read_server(away, "there")
    assert seen(away, names, "there") == Seen()
