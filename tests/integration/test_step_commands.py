"""How many commands the steps of a delivery ask of Redis: each key is read once and written once in a step."""

from typing import Any

from notifier.models import AlertType
from notifier.outbox.claim import Completed
from notifier.outcome import Reason, Rejected
from tests.integration.conftest import WEBHOOK, Bench, MakeBench
from tests.integration.lone_redis import lone_redis  # noqa: F401 (a fixture)
from tests.names import names

CLAIM_MAX, COMMIT_MAX, COMPLETED_MAX = 33, 71, 6
"""Ours: of a batch of ten, of which ten and forty are of the ten themselves; of a task whose alert went with others."""


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


def test_a_task_whose_alert_went_with_others_asks_less(bench: Bench) -> None:
    bench.admit("first")
    bench.open_gate()
    bench.admit("a", "b")
    bench.commit(bench.batch())
    bench.tick(1)
    commands_since(bench)
    assert bench.claim("b") == Completed()
    assert commands_since(bench) <= COMPLETED_MAX


def test_a_dead_letter_lives_for_its_own_time_and_not_for_that_of_one_that_waits(make_bench: MakeBench) -> None:
    bench = make_bench(history_days=90)
    bench.admit("first")
    bench.open_gate()
    bench.admit("dead")
    bench.commit(bench.batch(), Rejected(Reason.FORBIDDEN, "no"))
    assert bench.record("dead")["status"] != "delivered"
    assert bench.redis.ttl(names.notification("dead")) > 89 * 86_400


def test_the_lives_of_windows_begin_anew_twice_a_minute_and_outlast_the_last_request(bench: Bench) -> None:
    bench.admit("first")
    bench.open_gate()
    windows = [names.gate(WEBHOOK.id, "sent"), f"{names.channel_prefix}2{WEBHOOK.id[1:]}", names.edge_sent]
    renewed = []
    for number in range(4):
        bench.admit(f"alert {number}")
        for each in windows:
            bench.redis.expire(each, 900)
        bench.commit(bench.batch())
        renewed.append([bench.redis.ttl(each) < 800 for each in windows])
        bench.tick(20)
    of_a_minute, of_a_second = (False, True, False, True), (True, True, True, True)  # it was empty each time
    assert list(zip(*renewed, strict=True)) == [of_a_minute, of_a_minute, of_a_second]
    assert bench.redis.ttl(windows[0]) >= 60 + 60


def test_the_life_of_an_index_begins_anew_with_its_first_record_of_a_minute(bench: Bench) -> None:
    bench.admit("first")
    bench.open_gate()
    index, lives = names.history(AlertType.GENERAL, "delivered"), []
    for number, seconds in enumerate((60, 1, 60)):
        bench.tick(seconds)
        bench.redis.expire(index, 900)
        bench.admit(f"alert {number}")
        bench.commit(bench.batch())
        lives.append(bench.redis.ttl(index) > 900)
    assert lives == [True, False, True]
