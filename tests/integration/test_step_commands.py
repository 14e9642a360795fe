"""How many commands the steps of a delivery ask of Redis: each key is read once and written once in a step."""

from typing import Any

from notifier.outcome import Reason, Rejected
from tests.integration.conftest import Bench, MakeBench
from tests.integration.lone_redis import lone_redis  # noqa: F401 (a fixture)
from tests.names import names

CLAIM_MAX, COMMIT_MAX = 54, 96
"""Ours: of a batch of ten, of which ten and fifty are of the ten themselves."""


def commands_since(bench: Bench) -> int:
    """How many Redis ran, those within scripts too, since they were counted last."""
    found: dict[str, Any] = bench.redis.info("commandstats")
    count = sum(
        each["calls"] for name, each in found.items() if not name.startswith(("cmdstat_config", "cmdstat_info"))
    )
    bench.redis.config_resetstat()
    return count


def test_a_claim_and_a_commit_of_ten_alerts_ask_little_of_redis(bench: Bench) -> None:
    bench.admit("first")
    bench.open_gate()
    bench.admit(*(f"alert {number}" for number in range(30)))
    bench.commit(bench.batch())
    bench.tick(1)
    commands_since(bench)
    batch = bench.batch()
    claimed = commands_since(bench)
    bench.commit(batch)
    committed = commands_since(bench)
    assert len(batch.items) == 10
    assert claimed <= CLAIM_MAX
    assert committed <= COMMIT_MAX


def test_a_dead_letter_lives_for_its_own_time_and_not_for_that_of_one_that_waits(make_bench: MakeBench) -> None:
    bench = make_bench(history_days=90)
    bench.admit("first")
    bench.open_gate()
    bench.admit("dead")
    bench.commit(bench.batch(), Rejected(Reason.FORBIDDEN, "no"))
    assert bench.record("dead")["status"] != "delivered"
    assert bench.redis.ttl(names.notification("dead")) > 89 * 86_400
