"""An alert's terms: not before it is due, not after it has expired, not at all once it is withdrawn."""

import json
from typing import Any

import pytest

from notifier.errors import QueueFull
from notifier.models import AlertType, NotificationMessage
from notifier.operations.explain import explain
from notifier.outbox import digest as digest_module
from notifier.outbox.claim import Batch, Completed, Empty, Throttled
from notifier.outbox.digest import Digests
from notifier.outbox.outbox import STUCK_SECONDS
from notifier.outbox.record import state_of
from notifier.outbox.terms import Terms
from notifier.outbox.withdrawals import MAYBE_POSTED, Withdrawal, in_words
from notifier.outcome import Deferred, Failed, Reason, Rejected, State, Status, Unknown
from notifier.render.notes import LATE_SECONDS
from notifier.worker.batch_payload import note_of
from tests.integration.conftest import CLOCK, SECOND, START, WEBHOOK, Bench, MakeBench, by_test_clock
from tests.names import names

GENERAL = AlertType.GENERAL
ENDED = ("delivered", "rejected", "expired", "folded", "withdrawn")


def titles(batch: Batch) -> list[str]:
    return [message.title for message in batch.messages]


def throttled(claim: object) -> Throttled:
    assert isinstance(claim, Throttled), claim
    return claim


def told(bench: Bench, notification_id: str) -> list[str]:
    return [step.what for step in explain(bench.redis, names, bench.records, notification_id)]


def deferred(bench: Bench, *alerts: str, seconds: float = 10_000) -> None:
    """Alerts that wait behind a closed gate: of what an answer asks for, one would go after a minute."""
    bench.admit(*alerts)
    held, opens_at = bench.batch(), int(bench.redis.get(CLOCK) or 0) + int(seconds * SECOND)
    breaker = {"breaker": "open", "open_for": int(seconds * SECOND), "open_until": opens_at}
    bench.redis.hset(names.gate(WEBHOOK.id), mapping=breaker)
    bench.commit(held, Deferred(0, Reason.RATE_LIMITED), None)


# not before


def test_a_postponed_alert_goes_when_it_is_due_and_holds_up_no_other(bench: Bench) -> None:
    bench.admit("later", terms=Terms(after_seconds=90))
    bench.admit("now")
    batch = bench.batch()
    assert titles(batch) == ["now"]
    bench.commit(batch)
    bench.tick(89.9)
    assert throttled(bench.claim()).reason == Reason.POSTPONED
    bench.tick(0.2)
    assert titles(bench.batch()) == ["later"]


def test_a_chain_of_wake_ups_leads_to_its_time_though_nothing_else_happens(bench: Bench) -> None:
    bench.admit("later", terms=Terms(after_seconds=90))
    first = throttled(bench.claim("later"))
    assert (first.reason, first.wait_seconds) == (Reason.POSTPONED, 90)
    assert first.wake_up is not None
    assert first.wake_up.wait_seconds == 60, "no countdown is held in a worker for longer"
    assert throttled(bench.claim("later")).wake_up is None, "one is under way"
    bench.tick(60)
    second = throttled(bench.claim(wake_up=first.wake_up.token)).wake_up
    assert second is not None
    assert second.wait_seconds == 30
    bench.tick(30)
    assert titles(bench.batch()) == ["later"]


def test_a_commit_and_a_sweep_wake_for_its_time_too(bench: Bench) -> None:
    bench.admit("later", terms=Terms(after_seconds=30))
    swept = bench.outbox.sweep(GENERAL)
    assert swept is not None
    assert swept.wait_seconds == 30
    bench.redis.delete(names.outbox("general", "wake_up"))
    bench.admit("now")
    committed = bench.commit(bench.batch()).wake_up
    assert committed is not None
    assert committed.wait_seconds == 30


def test_where_others_back_off_the_outbox_says_that(bench: Bench) -> None:
    bench.admit("later", terms=Terms(after_seconds=5))
    bench.admit("fails")
    bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY), retry_wait_seconds=20)
    assert throttled(bench.claim()).reason == Reason.BACKING_OFF


def test_it_counts_as_one_that_waits_and_is_admitted_once(make_bench: MakeBench) -> None:
    bench = make_bench(queue_size=1)
    bench.admit("later", "later", terms=Terms(after_seconds=30))
    assert bench.outbox.depth(GENERAL) == 1
    with pytest.raises(QueueFull):
        bench.admit("one-too-many")


def test_it_is_neither_stuck_nor_late_before_its_time(bench: Bench) -> None:
    bench.admit("later", message="x" * 2_950, terms=Terms(after_seconds=1_000))
    bench.admit("on-time", message="x" * 2_950, terms=Terms(after_seconds=1_000))
    bench.claim()
    bench.tick(999)
    bench.outbox.sweep(GENERAL)
    assert bench.redis.exists(names.troubles) == 0
    bench.tick(1 + LATE_SECONDS)
    batch = bench.batch()
    assert titles(batch) == ["later", "on-time"], "no room is kept for a note"
    assert [note_of(batch, item) for item in batch.items] == ["", ""]


def test_once_it_is_due_its_lateness_counts(bench: Bench) -> None:
    bench.admit("later", terms=Terms(after_seconds=1_000))
    bench.claim()
    bench.tick(1_000 + STUCK_SECONDS + 1)
    bench.outbox.sweep(GENERAL)
    assert bench.redis.hkeys(names.troubles) == ["stuck|general|"]
    batch = bench.batch()
    assert note_of(batch, batch.items[0]) == "delayed 5 min: no worker was there"


def test_how_long_it_was_spooled_is_no_delay_before_its_time(bench: Bench) -> None:
    for name, after in (("due-meanwhile", 0.0), ("due-later", 50.0)):
        message = NotificationMessage(id=name, title=name)
        bench.outbox.admit(message, Terms(after_seconds=after), spooled_seconds=900)
    bench.tick(50)
    batch = bench.batch()
    late = [(batch.claimed_at - max(item.admitted_at, item.not_before)) / SECOND for item in batch.items]
    assert late == [950, 0]
    assert [item.delayed_by for item in batch.items] == ["broker_unavailable", ""]


def test_one_that_is_postponed_is_explained_so(bench: Bench) -> None:
    bench.admit("later", terms=Terms(after_seconds=3_600))
    deferred(bench, "now")
    until = told(bench, "later")[1]
    assert until == "waits until 2027-01-15 09:00:00 UTC: postponed by its caller", "the test's clock begins at 08:00"
    assert bench.redis.hget(names.notification("later"), "not_before") is not None


# not after


@pytest.mark.parametrize("terms", [Terms(expires_seconds=60), Terms(after_seconds=30, expires_seconds=60)])
def test_its_own_expiry_makes_it_a_dead_letter_though_the_gate_is_closed(bench: Bench, terms: Terms) -> None:
    deferred(bench, "waits")
    bench.admit("short-lived", terms=terms)
    bench.tick(59)
    assert isinstance(bench.claim(), Throttled)
    bench.tick(1)
    expired = bench.batch()
    assert (titles(expired), expired.blocked) == (["short-lived"], Reason.EXPIRED)
    (record,) = bench.commit(expired, Rejected(Reason.EXPIRED), None).records
    assert (record["status"], record["reason"]) == ("expired", "expired")
    assert bench.redis.zrange(names.dead_letters(GENERAL), 0, -1) == ["short-lived"]
    assert isinstance(bench.claim(), Throttled), "the other one waits on"


def test_the_earlier_of_both_expiries_counts(make_bench: MakeBench) -> None:
    bench = make_bench(expire_seconds=3_600)
    bench.admit("long-lived", terms=Terms(expires_seconds=7_200))
    bench.tick(3_601)
    assert bench.batch().blocked is Reason.EXPIRED


def test_one_that_has_expired_before_it_came_is_never_sent(bench: Bench) -> None:
    bench.admit("past", terms=Terms(expires_seconds=-5))
    assert bench.batch().blocked is Reason.EXPIRED


@pytest.mark.parametrize("where", ["waiting", "delayed"])
def test_one_behind_many_others_expires_in_its_time(make_bench: MakeBench, where: str) -> None:
    bench = make_bench(queue_size=100)
    deferred(bench, "first")
    bench.admit(*(f"n{number}" for number in range(30)), terms=Terms(after_seconds=5_000 if where == "delayed" else 0))
    bench.admit("short-lived", terms=Terms(expires_seconds=60))
    bench.admit("as-well", terms=Terms(expires_seconds=100))
    if where == "delayed":  # as if it backed off
        for name in ("short-lived", "as-well"):
            bench.redis.zrem(names.outbox("general", "waiting"), name)
            bench.redis.zadd(names.outbox("general", "delayed"), {name: START + 9_000 * SECOND})
    bench.tick(61)
    assert titles(bench.batch()) == ["short-lived"]
    assert bench.redis.hget(names.outbox("general", "state"), "next_expiry") == str(START + 100 * SECOND)


def test_more_than_a_batch_expire_one_batch_after_the_other(make_bench: MakeBench) -> None:
    bench = make_bench(queue_size=100)
    deferred(bench, *(f"n{number}" for number in range(10)))
    bench.admit(*(f"n{number}" for number in range(10, 20)))
    bench.admit(*(f"short-{number}" for number in range(25)), terms=Terms(expires_seconds=60))
    bench.admit("longer", terms=Terms(expires_seconds=500))
    bench.tick(61)
    ended: list[str] = []
    for expected in (10, 10, 5):
        bench.redis.delete(names.outbox("general", "wake_up"))  # it was due meanwhile
        batch = bench.batch()
        assert (len(batch.items), batch.blocked) == (expected, Reason.EXPIRED)
        result = bench.commit(batch, Rejected(Reason.EXPIRED), None)
        ended += [record["id"] for record in result.records]
        assert result.wake_up is not None
        assert (result.wake_up.wait_seconds == 0) == (expected == 10), "while some are left, the next goes at once"
    assert sorted(ended) == sorted(f"short-{number}" for number in range(25))
    assert isinstance(bench.claim(), Throttled)
    bench.tick(440)
    assert titles(bench.batch()) == ["longer"]


def test_claim_commit_and_sweep_wake_for_an_expiry_behind_a_closed_gate(bench: Bench) -> None:
    deferred(bench, "waits")
    bench.redis.delete(names.outbox("general", "wake_up"))
    bench.admit("short-lived", terms=Terms(expires_seconds=20))
    wake_up = throttled(bench.claim("short-lived")).wake_up
    assert wake_up is not None
    assert wake_up.wait_seconds == 20
    bench.tick(20)
    swept = bench.outbox.sweep(GENERAL)
    assert swept is None, "the wake-up is under way"
    bench.redis.set(names.outbox("general", "wake_up"), f"another {bench.redis.get('test:clock')}0")
    swept = bench.outbox.sweep(GENERAL)
    assert swept is not None
    assert swept.wait_seconds == 0


# not at all


def revoked(bench: Bench, notification_id: str) -> dict[str, object]:
    meta: dict[str, object] = json.loads(str(bench.redis.get(names.result(notification_id))))
    return meta


@pytest.mark.parametrize("terms", [Terms(), Terms(after_seconds=60)], ids=["waiting", "postponed"])
def test_one_that_waits_is_withdrawn_and_has_its_record(bench: Bench, terms: Terms) -> None:
    bench.admit("wrong", terms=terms)
    assert bench.withdrawals.withdraw("wrong") is Withdrawal.WITHDRAWN
    assert bench.outbox.depth(GENERAL) == 0
    assert isinstance(bench.claim(), Empty)
    assert isinstance(bench.claim("wrong"), Completed), "its own task has nothing to do"
    record = bench.record("wrong")
    assert (record["status"], record["reason"], record["success"]) == ("withdrawn", "revoked", False)
    assert (record["message"]["title"], record["attempts"], record["detail"]) == ("wrong", 0, "")
    assert [record[at][:19] for at in ("admitted_at", "finished_at")] == ["2027-01-15T08:00:00"] * 2
    meta = revoked(bench, "wrong")
    assert meta.pop("date_done") == record["finished_at"]
    assert meta == {
        "status": "REVOKED",
        "result": {"exc_type": "TaskRevokedError", "exc_message": ["revoked"], "exc_module": "celery.exceptions"},
        "traceback": None,
        "children": [],
        "task_id": "wrong",
    }
    assert bench.redis.zrange(names.history(GENERAL, Status.WITHDRAWN), 0, -1) == ["wrong"]
    assert bench.redis.exists(names.dead_letters(GENERAL)) == 0
    assert not bench.redis.hexists(names.notification("wrong"), "message"), "as of any that is final"
    assert told(bench, "wrong")[-1] == "withdrawn: revoked"
    for key in (names.notification("wrong"), names.result("wrong")):
        assert bench.redis.ttl(key) == pytest.approx(bench.settings.history_days * 86_400, abs=5)


def test_of_two_that_withdraw_one_at_once_the_second_finds_it_withdrawn(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    step, answers = bench.withdrawals._withdraw, list[str]()

    def twice(**given: Any) -> str:
        answers.extend((step(**given), step(**given)))
        return answers[0]

    bench.admit("wrong")
    monkeypatch.setattr(bench.withdrawals, "_withdraw", twice)
    bench.withdrawals.withdraw("wrong")
    assert answers == ["withdrawn", "already_withdrawn"]
    assert [each for each in told(bench, "wrong") if "withdrawn" in each] == ["withdrawn: revoked"]


def test_withdrawing_again_changes_nothing_nor_does_an_id_that_nobody_knows(bench: Bench) -> None:
    bench.admit("wrong")
    bench.withdrawals.withdraw("wrong")
    before = revoked(bench, "wrong")
    bench.tick(1)
    assert bench.withdrawals.withdraw("wrong") is Withdrawal.ALREADY_WITHDRAWN
    assert revoked(bench, "wrong") == before
    assert bench.withdrawals.withdraw("nobody") is Withdrawal.NOT_FOUND
    assert bench.redis.keys("*nobody*") == []
    bench.admit("wrong")
    assert isinstance(bench.claim("wrong"), Completed), "its id is spent, as any other's"


def test_one_that_no_outbox_took_keeps_its_record(bench: Bench) -> None:
    refused = NotificationMessage(id="refused", title="refused")
    bench.records.refuse(refused, Status.QUEUE_FULL, "queue_full", "no room")
    before = revoked(bench, "refused")
    assert bench.withdrawals.withdraw("refused") is Withdrawal.COMPLETED
    assert revoked(bench, "refused") == before
    for name, outcome in (("dead", Rejected(Reason.UNKNOWN_CHANNEL)), ("delivered", None)):
        bench.admit(name)
        bench.commit(bench.batch(), outcome)
        bench.redis.delete(names.result(name))
        assert bench.withdrawals.withdraw(name) is Withdrawal.COMPLETED, "though Celery has forgotten it"
        bench.tick(1)


def test_of_one_that_has_ended_a_withdrawal_says_how(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest_module, "script", by_test_clock)
    for name, outcome in (("delivered", None), ("rejected", Rejected(Reason.UNKNOWN_CHANNEL))):
        bench.admit(name)
        bench.commit(bench.batch(), outcome)
        bench.tick(1)
    bench.admit("expired", terms=Terms(expires_seconds=1))
    bench.tick(2)
    bench.commit(bench.batch(), Rejected(Reason.EXPIRED))
    full = bench.settings.model_copy(update={"queue_size": 0})
    Digests(bench.redis, full).fold(NotificationMessage(id="folded", title="folded"))
    bench.admit("withdrawn")
    bench.withdrawals.withdraw("withdrawn")
    said = {each: in_words(bench.withdrawals.withdraw(each), bench.records.get(each)) for each in (*ENDED, "nobody")}
    ends = {each: f"completed ({each})" for each in ENDED}
    assert said == ends | {"withdrawn": "already withdrawn", "nobody": "not found"}


def test_one_under_way_is_sent_all_the_same_and_its_record_says_that_a_revoke_came_too_late(bench: Bench) -> None:
    bench.admit("a", "b", metadata={"revoke": None})
    batch = bench.batch()
    assert [bench.withdrawals.withdraw("a") for _ in range(2)] == [Withdrawal.TOO_LATE] * 2
    bench.commit(batch)
    assert [(bench.record(each)["status"], bench.record(each)["revoke"]) for each in "ab"] == [
        ("delivered", "too_late"),
        ("delivered", None),
    ]
    assert bench.record("a")["message"]["metadata"] == {"revoke": None}
    assert told(bench, "a").count("not withdrawn: in flight") == 1
    assert bench.withdrawals.withdraw("a") is Withdrawal.COMPLETED


def test_a_dead_letter_says_so_too_in_both_copies(bench: Bench) -> None:
    bench.admit("a")
    batch = bench.batch()
    bench.withdrawals.withdraw("a")
    (record,) = bench.commit(batch, Rejected(Reason.UNKNOWN_CHANNEL)).records
    assert (record["status"], record["revoke"]) == ("rejected", "too_late")
    assert bench.record("a") == record
    assert json.loads(str(bench.redis.hget(names.notification("a"), "record"))) == record


def test_one_that_waits_again_is_withdrawn_though_it_was_too_late_before(bench: Bench) -> None:
    bench.admit("a")
    batch = bench.batch()
    bench.withdrawals.withdraw("a")
    bench.commit(batch, Unknown(Reason.READ_TIMEOUT), None)
    assert bench.withdrawals.withdraw("a") is Withdrawal.WITHDRAWN
    record = bench.record("a")
    assert (record["status"], record["attempts"], record["detail"]) == ("withdrawn", 1, MAYBE_POSTED)


def test_one_that_moved_to_the_fallback_is_withdrawn_there(bench: Bench) -> None:
    bench.admit("moved", "stays")
    bench.redis.zrem(names.outbox("general", "waiting"), "moved")
    bench.redis.zadd(names.outbox("monitoring", "waiting"), {"moved": 1})
    assert bench.withdrawals.withdraw("moved") is Withdrawal.WITHDRAWN
    assert bench.redis.exists(names.outbox("monitoring", "waiting")) == 0
    assert titles(bench.batch()) == ["stays"]


def test_a_late_commit_of_another_worker_does_not_end_it_twice(bench: Bench) -> None:
    bench.admit("a")
    batch = bench.batch()
    bench.commit(batch, Deferred(1, Reason.RATE_LIMITED), None)
    bench.withdrawals.withdraw("a")
    assert bench.commit(batch).records == ()
    assert bench.record("a")["status"] == "withdrawn"


def test_one_that_this_version_cannot_read_is_withdrawn_too(bench: Bench) -> None:
    bench.admit("foreign", alert_type=AlertType.ERROR)
    bench.redis.hset(names.notification("foreign"), "message", '{"alert_type": "error", "from": "the future"}')
    assert bench.withdrawals.withdraw("foreign") is Withdrawal.WITHDRAWN
    assert bench.redis.zrange(names.history(AlertType.ERROR), 0, -1) == ["foreign"]


def test_what_hangs_on_a_withdrawn_one_is_left_to_the_next_sweep(bench: Bench) -> None:
    bench.admit("wrong", terms=Terms(callbacks='{"chord": {}}'))
    bench.withdrawals.withdraw("wrong")
    assert bench.redis.zrange(names.callbacks, 0, -1, withscores=True) == [("wrong", START)]
    assert state_of(bench.record("wrong")) == State.REVOKED
