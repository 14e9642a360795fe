"""Alerts that wait in Redis survive an upgrade: what versions 0.1 and 0.2 wrote is read by this one."""

import json
import re
import threading
import time
from pathlib import Path

import pytest
import redis
from celery.result import AsyncResult

from notifier.models import AlertType
from notifier.operations.dead_letters import Selection
from notifier.outcome import Status
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application
from tests.names import names
from tests.servers import until

DATA = Path(__file__).parents[1] / "data"
"""Written by those versions themselves: see make_redis_….py there."""
WAITING = [*(f"waits-{number}" for number in range(12)), "abandoned", "backs-off"]
NEVER = -1


def restore(client: "redis.Redis", name: str) -> None:
    """Put the keys there as they were, as if they had been written just now."""
    made = json.loads((DATA / name).read_text(encoding="utf-8"))
    later = time.time_ns() // 1_000 - made["made_at"]

    def now(value: str | float) -> str:
        text = str(int(value)) if isinstance(value, float) else value
        return re.sub(r"(?<![\d:])17\d{14}\b", lambda found: str(int(found[0]) + later), text)

    for key, kind, value, life in made["keys"]:
        match kind:
            case "string":
                client.set(key, now(value))
            case "hash":
                client.hset(key, mapping={field: now(each) for field, each in value.items()})
            case "zset":
                client.zadd(key, {now(member): float(now(score)) for member, score in value})
            case "list":
                client.rpush(key, *value)
            case "set":
                client.sadd(key, *value)
        if life != NEVER:
            client.pexpire(key, max(life, 10_000))
    client.delete("none", *client.keys("notifier:worker:*"))  # those workers are gone


@pytest.fixture
def upgraded(redis_url: str, application: Application) -> Application:
    """An application of this version on the Redis of that one."""
    restore(application.pipeline.redis, "redis_0_1.json")
    return application


@pytest.fixture
def upgraded_from_0_2(redis_url: str, application: Application) -> Application:
    """The same, of version 0.2."""
    restore(application.pipeline.redis, "redis_0_2.json")
    return application


@pytest.mark.slow
def test_what_version_0_1_left_waiting_is_delivered_and_what_it_ended_is_known(
    upgraded: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    history, pipeline = upgraded.pipeline.history, upgraded.pipeline
    assert pipeline.records.get("ended-error") is not None, "known before any worker of this version has run"
    start_worker(DISCORD_QUEUE_SIZE="12")
    records = upgraded.wait(WAITING)
    assert {record["status"] for record in records} == {"delivered"}
    shown = sandbox.titles()
    assert sorted(title for title in shown if "waits" in title) == sorted(f"alert waits-{n}" for n in range(12))
    (lost,) = [embed for each in sandbox.messages() for embed in each["embeds"] if embed["title"] == "alert abandoned"]
    assert "may be a duplicate" in lost["footer"]["text"]
    until(lambda: "3 more" in sandbox.titles(), "the digest of what 0.1 folded")
    assert shown.count("alert unrecorded") == 0, "0.1 had its answer already"

    found = {
        status: sorted(record["id"] for record in history.query(status=status))
        for status in (Status.FOLDED, Status.QUEUE_FULL, Status.REJECTED)
    }
    assert found == {
        Status.FOLDED: ["folded-0", "folded-1", "folded-2"],
        Status.QUEUE_FULL: ["refused"],
        Status.REJECTED: ["ended-security"],
    }
    assert upgraded.result("unrecorded")["message_id"] == "900"
    assert AsyncResult("folded-1", app=upgraded.app).get(timeout=5)["status"] == "folded"
    assert pipeline.redis.exists(names.unrecorded) == 0
    assert pipeline.explain("ended-critical")[-1].what.startswith("delivered: ")
    assert any("again in" in step.what for step in pipeline.explain("backs-off")), "an event that 0.1 wrote"


@pytest.mark.slow
def test_what_version_0_2_left_waiting_is_delivered_and_what_it_ended_is_known(
    upgraded_from_0_2: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    pipeline = upgraded_from_0_2.pipeline
    before = upgraded_from_0_2.result("ended-security")
    assert (before["status"], before["success"]) == ("rejected", False), "0.2 stored it as a success of Celery"
    assert [each["id"] for each in pipeline.dead_letters.list()] == ["ended-security"]
    assert [each["id"] for each in pipeline.history.query(status=Status.QUEUE_FULL)] == ["refused"]
    start_worker(DISCORD_QUEUE_SIZE="12")
    records = upgraded_from_0_2.wait([*WAITING, "by-name"])
    assert {record["status"] for record in records} == {"delivered"}
    until(lambda: "3 more" in sandbox.titles(), "the digest of what 0.2 folded")
    shown = sandbox.titles()
    assert sorted(shown) == sorted({*shown}), "each once"
    again = pipeline.dead_letters.replay("ended-security")
    assert [record["status"] for record in upgraded_from_0_2.wait([again])] == ["delivered"]
    assert pipeline.dead_letters.list() == []
    upgraded_from_0_2.pipeline.records.prune()
    assert pipeline.explain("ended-critical")[-1].what.startswith("delivered: ")


def test_whoever_waits_for_a_result_that_version_0_1_did_not_store_is_answered(upgraded: Application) -> None:
    answered: list[object] = []
    waiting = threading.Thread(target=lambda: answered.append(upgraded.result("unrecorded", 30)))
    waiting.start()
    client = upgraded.pipeline.redis
    until(lambda: client.pubsub_numsub(names.result("unrecorded"))[0][1], "its subscription")
    upgraded.pipeline.records.prune()
    waiting.join(30)
    assert answered == [upgraded.pipeline.records.get("unrecorded")]


@pytest.mark.slow
def test_a_dead_letter_of_version_0_1_is_replayed_though_its_result_has_expired(
    upgraded: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    upgraded.pipeline.redis.delete(
        names.result("ended-security")
    )  # 0.1 kept the result for a week, the dead letter for a month
    letters = upgraded.pipeline.dead_letters
    (dead,) = letters.list(Selection(AlertType.SECURITY))
    assert (dead["id"], dead["reason"]) == ("ended-security", "webhook_not_configured")
    start_worker()
    again = letters.replay("ended-security")
    assert [record["status"] for record in upgraded.wait([again])] == ["delivered"]
    assert letters.list(Selection(AlertType.SECURITY)) == []


def index_sizes(application: Application) -> dict[AlertType, tuple[int, int]]:
    """How many records each type's history has, and its indexes by status together."""
    size = application.pipeline.redis.zcard
    return {
        kind: (int(size(names.history(kind))), sum(int(size(names.history(kind, status))) for status in Status))
        for kind in AlertType
    }


def reads(application: Application) -> int:
    """How often records were read so far."""
    return int(application.pipeline.redis.info("commandstats").get("cmdstat_mget", {}).get("calls", 0))


def adopt_again(application: Application) -> None:
    """The fleet's next look at the indexes."""
    application.pipeline.redis.delete(names.adopted)
    application.pipeline.records.prune()


def test_records_of_version_0_1_are_adopted_and_a_sweep_then_reads_none_of_them(upgraded: Application) -> None:
    client = upgraded.pipeline.redis
    client.zadd(names.unrecorded, {"ended-security": 1})
    upgraded.pipeline.records.prune()
    assert all(total == by_status > 0 for total, by_status in index_sizes(upgraded).values())
    lives = [client.ttl(names.result(each)) / 86_400 for each in ("unrecorded", "ended-security")]
    assert [round(days) for days in lives] == [7, 30], "the history's, and that of dead letters"
    before = reads(upgraded)
    upgraded.pipeline.records.prune()
    adopt_again(upgraded)
    assert reads(upgraded) == before


@pytest.mark.parametrize("fault", ["forgotten", "two statuses", "trimmed by 0.1"])
def test_indexes_that_a_mixed_fleet_leaves_wrong_are_mended_once(upgraded: Application, fault: str) -> None:
    upgraded.pipeline.records.prune()
    client, history = upgraded.pipeline.redis, names.history(AlertType.ERROR)
    match fault:
        case "forgotten":
            client.delete(names.result("ended-error"))
            client.hdel(names.notification("ended-error"), "record")
            client.zrem(names.history(AlertType.ERROR, Status.DELIVERED), "ended-error")
        case "two statuses":
            client.zadd(names.history(AlertType.ERROR, Status.FAILED), {"ended-error": 1})
            client.expire(names.history(AlertType.ERROR, Status.FAILED), 600)
        case _:
            client.zrem(history, "unrecorded")
            client.zrem(names.history(AlertType.ERROR, Status.DELIVERED), "ended-error")
    adopt_again(upgraded)
    total, by_status = index_sizes(upgraded)[AlertType.ERROR]
    assert total == by_status
    found = upgraded.pipeline.history.query(alert_type=AlertType.ERROR)
    for status in Status:
        same = upgraded.pipeline.history.query(alert_type=AlertType.ERROR, status=status)
        assert same == [record for record in found if record["status"] == status]
    before = reads(upgraded)
    adopt_again(upgraded)
    assert reads(upgraded) == before, "once"
