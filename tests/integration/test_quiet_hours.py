"""In quiet hours a request makes no sound. That is decided as it is made, by Redis' clock."""

from datetime import UTC, datetime
from typing import Any

import pytest

from notifier.models import AlertType
from notifier.outbox.claim import Batch
from notifier.outcome import Failed, Reason
from notifier.quiet_hours import parse
from notifier.render.batch import SUPPRESS_NOTIFICATIONS, compose
from tests.integration.conftest import CLOCK, SECOND, WEBHOOK, Bench, MakeBench
from tests.names import names

GENERAL, CRITICAL = AlertType.GENERAL, AlertType.CRITICAL
ROLE = "<@&123>"


def go_to(bench: Bench, hour: int, minute: int) -> None:
    """Let time pass until the clock (UTC) shows this."""
    now = datetime.fromtimestamp(int(str(bench.redis.get(CLOCK))) / SECOND, UTC)
    then = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    bench.tick((then - now).total_seconds() % 86_400)


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    """General alerts ping a role, and are quiet from 22:00 to 07:00 UTC."""
    quiet = parse("22:00-07:00 UTC silent")
    bench = make_bench(webhooks={GENERAL: WEBHOOK}, mentions_by_type={GENERAL: (ROLE,)}, quiet_hours=quiet)
    bench.admit("first")
    bench.open_gate()
    return bench


def body(batch: Batch) -> dict[str, Any]:
    return compose(batch.messages, [""] * len(batch.items), [each.left_out for each in batch.items]).body


def is_silent(batch: Batch) -> bool:
    return bool(body(batch).get("flags", 0) & SUPPRESS_NOTIFICATIONS)


def test_what_was_raised_before_them_makes_no_sound_when_it_is_posted_in_them(bench: Bench) -> None:
    go_to(bench, 21, 59)
    bench.admit("a")
    sent = bench.batch()
    assert not is_silent(sent)
    bench.commit(sent, Failed(Reason.CONNECTION_FAILED, ""))
    bench.tick(120)
    assert is_silent(bench.batch())


def test_what_waited_until_they_are_over_is_heard_and_pings(bench: Bench) -> None:
    go_to(bench, 6, 58)
    bench.admit("a")
    silent = bench.batch()
    assert is_silent(silent)
    assert body(silent).get("content") is None
    bench.commit(silent, Failed(Reason.CONNECTION_FAILED, ""))
    bench.tick(180)
    assert not is_silent(bench.batch())


def test_a_silent_alert_is_none_that_has_pinged_lately(bench: Bench) -> None:
    go_to(bench, 6, 59)
    bench.admit("a")
    bench.commit(bench.batch())
    bench.tick(60)
    bench.admit("b")
    assert body(bench.batch())["content"] == ROLE


def test_who_is_named_by_the_alert_itself_stays_in_it_and_nothing_is_read_aloud(bench: Bench) -> None:
    go_to(bench, 23, 0)
    bench.admit("a", mentions=("user:7",), tts=True)
    sent = body(bench.batch())
    assert (sent["content"], sent.get("tts")) == ("<@7>", None)
    assert sent["allowed_mentions"] == {"parse": [], "users": ["7"]}


def test_a_critical_alert_is_heard_wherever_it_goes(bench: Bench) -> None:
    go_to(bench, 23, 0)
    bench.admit("a")
    bench.admit("b", alert_type=CRITICAL)
    bench.redis.zadd(names.outbox(GENERAL, "waiting"), {"b": 10_000})  # as a failover moves it
    bench.redis.delete(names.outbox(CRITICAL, "waiting"))
    batch = bench.batch()
    assert {each.message.id for each in batch.items} == {"a", "b"}
    assert not is_silent(batch)


def test_the_record_and_a_replay_know_nothing_of_the_hour(bench: Bench) -> None:
    go_to(bench, 23, 0)
    bench.admit("a")
    bench.commit(bench.batch())
    assert not (bench.record("a")["message"] or {}).get("silent")
