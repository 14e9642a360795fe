"""The outbox keeps its promises: bounded, once per id, in order, nothing lost with a worker."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import redis

from notifier.errors import BrokerUnavailable, QueueFull
from notifier.gate import gate
from notifier.models import AlertType, NotificationMessage
from notifier.outbox import admission as admission_module
from notifier.outbox import digest as digest_module
from notifier.outbox import outbox as outbox_module
from notifier.outbox import unanswered
from notifier.outbox.admission import Admission, Admitted
from notifier.outbox.claim import Batch, ClaimRequest, Completed, Empty, FetchWebhook, NotFound, Throttled
from notifier.outbox.digest import Digests
from notifier.outbox.heartbeat import LIFE_SECONDS
from notifier.outbox.outbox import Outbox
from notifier.outbox.steps import WITNESS_SECONDS
from notifier.outbox.terms import Terms
from notifier.outcome import Deferred, Delivered, Failed, Outcome, Reason, Rejected, Status, Unknown
from notifier.settings import Settings
from notifier.storage.connection import connect
from notifier.storage.scripts import script
from tests.integration.conftest import OTHER_WEBHOOK, WEBHOOK, WORKER, Bench, MakeBench
from tests.names import names


def titles(batch: Batch) -> list[str]:
    return [message.title for message in batch.messages]


def test_it_is_bounded_counting_waiting_in_flight_and_backing_off(make_bench: MakeBench) -> None:
    bench = make_bench(queue_size=12)
    bench.admit(*(f"n{number}" for number in range(12)))
    first = bench.batch()
    assert len(first.items) == 10
    with pytest.raises(QueueFull, match=r"12 general alerts .*DISCORD_QUEUE_SIZE"):
        bench.admit("while-in-flight")
    bench.commit(first, Failed(Reason.BAD_GATEWAY))
    with pytest.raises(QueueFull):
        bench.admit("while-backing-off")
    bench.tick(1)
    bench.commit(bench.batch())
    bench.admit("room-again")
    assert bench.outbox.depth(AlertType.GENERAL) == 11


def test_one_types_full_outbox_leaves_the_others_their_room(make_bench: MakeBench) -> None:
    bench = make_bench(queue_size=1)
    bench.admit("general")
    bench.admit("critical", alert_type=AlertType.CRITICAL)
    assert bench.outbox.depth(AlertType.CRITICAL) == 1


def test_an_id_is_admitted_once_whatever_became_of_it(bench: Bench) -> None:
    message = NotificationMessage(id="same", title="same")
    assert bench.outbox.admit(message) is Admitted.NOW
    assert bench.outbox.admit(message) is Admitted.KNOWN
    bench.commit(bench.batch())
    assert bench.outbox.admit(message) is Admitted.KNOWN
    assert isinstance(bench.claim("same"), Completed)
    assert bench.claim() == Empty()


def test_an_id_that_was_never_admitted_is_absent(bench: Bench) -> None:
    assert bench.claim("never") == NotFound()


def test_alerts_leave_in_the_order_they_came_ten_to_a_request(bench: Bench) -> None:
    bench.admit(*(f"n{number:02}" for number in range(25)))
    seen = []
    for size in (10, 10, 5):
        bench.tick(1)
        batch = bench.batch()
        assert len(batch.items) == size
        seen += titles(batch)
        bench.commit(batch)
    assert seen == [f"n{number:02}" for number in range(25)]


def test_a_request_holds_six_thousand_characters_and_order_is_kept_when_one_does_not_fit(bench: Bench) -> None:
    bench.admit("a", message="x" * 2_999)
    bench.admit("b", message="x" * 2_999)
    bench.admit("c")
    batch = bench.batch()
    assert titles(batch) == ["a", "b"], "6,000 fit exactly; the next waits although it is short"
    bench.commit(batch)
    bench.tick(1)
    assert titles(bench.batch()) == ["c"]


@pytest.mark.parametrize(
    "other",
    [
        {"username": "Somebody"},
        {"thread_id": "123"},
        {"avatar_url": "https://example.com/a.png"},
        {"mentions": ["<@&5>"]},
        {"message": "x" * 10_000},
    ],
    ids=lambda other: next(iter(other)),
)
def test_what_cannot_share_a_request_rides_alone_in_its_turn(bench: Bench, other: dict[str, object]) -> None:
    bench.admit("before")
    bench.admit("other", **other)
    bench.admit("after")
    seen = []
    for _ in range(3):
        bench.tick(1)
        batch = bench.batch()
        seen.append(titles(batch))
        bench.commit(batch)
    assert seen == [["before"], ["other"], ["after"]]


def test_those_of_one_username_share_a_request(bench: Bench) -> None:
    bench.admit("a", "b", "c", username="Somebody")
    assert titles(bench.batch()) == ["a", "b", "c"]


def test_one_request_of_a_type_is_under_way_at_a_time(bench: Bench) -> None:
    bench.admit(*(f"n{number}" for number in range(20)))
    batch = bench.batch()
    waiting = bench.claim()
    assert isinstance(waiting, Throttled)
    assert waiting.reason is Reason.IN_FLIGHT
    assert waiting.wake_up is None, "the commit sends it"
    assert bench.commit(batch).wake_up is not None


def test_a_slow_type_holds_no_other_back(bench: Bench) -> None:
    bench.admit("slow")
    bench.admit("quick", alert_type=AlertType.CRITICAL)
    bench.batch()
    assert titles(bench.batch(OTHER_WEBHOOK, AlertType.CRITICAL)) == ["quick"]


def test_a_dead_workers_batch_comes_back_and_its_answer_counts_as_lost(bench: Bench) -> None:
    bench.admit("a", "b")
    lost = bench.batch()
    bench.tick(gate.lease_seconds(bench.settings) - 0.1)
    assert isinstance(bench.claim(), Throttled), "it may still be alive"
    bench.tick(0.2)
    found = bench.batch()
    assert found.abandoned
    assert titles(found) == titles(lost)
    bench.commit(found, Unknown(Reason.WORKER_LOST), None)
    bench.tick(2)
    again = bench.batch()
    assert not again.abandoned
    assert [item.attempts for item in again.items] == [1, 1]


def test_a_worker_whose_sign_of_life_is_missed_for_a_while_is_dead_and_its_batch_comes_back(bench: Bench) -> None:
    bench.admit("a")
    bench.batch()
    bench.redis.delete(names.worker(WORKER))
    waiting = bench.claim()
    assert isinstance(waiting, Throttled)
    assert waiting.wait_seconds == pytest.approx(WITNESS_SECONDS)
    assert waiting.wake_up is not None, "nobody else may come"
    under_way = names.gate(WEBHOOK.id, "in_flight")
    assert bench.redis.zcard(under_way) == 1
    bench.tick(WITNESS_SECONDS)
    assert bench.batch().abandoned
    assert bench.redis.zcard(under_way) == 0, "what comes next is alone on its way, and its headers are believed"


def test_a_worker_that_was_only_forgotten_by_redis_keeps_its_batch(bench: Bench) -> None:
    bench.admit("a")
    batch = bench.batch()
    bench.redis.delete(names.worker(WORKER))  # as a restart of Redis does
    assert isinstance(bench.claim(), Throttled)
    bench.tick(WITNESS_SECONDS - 0.1)
    bench.redis.set(names.worker(WORKER), 1, ex=600)
    bench.tick(0.2)
    assert isinstance(bench.claim(), Throttled)
    bench.redis.delete(names.worker(WORKER))
    bench.tick(WITNESS_SECONDS - 0.1)
    assert isinstance(bench.claim(), Throttled), "missed anew"
    assert [record["id"] for record in bench.commit(batch).records] == ["a"]


def test_a_batch_whose_claim_was_never_answered_goes_at_once_and_was_no_attempt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.admit("a", "b")
    bench.commit(bench.batch())
    bench.admit("c", "d")
    bench.tick(1)
    state = names.gate(WEBHOOK.id)
    bench.redis.hset(state, mapping={"breaker": "open", "open_until": 0, "open_for": 60_000_000})
    monkeypatch.setattr(bench.outbox, "_claim", answer_lost(bench.outbox._claim))
    with pytest.raises(BrokerUnavailable):
        bench.claim()
    other = Outbox(bench.redis, bench.settings)  # with the test's clock
    monkeypatch.undo()
    stranger = other.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, WORKER)
    assert isinstance(stranger, Throttled), "for all that another knows it is under way"
    again = bench.batch()
    assert (titles(again), again.abandoned) == (["c", "d"], False)
    assert [(each.attempts, each.maybe_posted) for each in again.items] == [(0, False)] * 2
    assert bench.redis.zrange(names.gate(WEBHOOK.id, "in_flight"), 0, -1) == [again.token]
    assert bench.redis.hget(state, "probe") == again.token


def test_a_look_up_whose_claim_was_never_answered_is_made_by_the_next_claim(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.admit("a")
    monkeypatch.setattr(bench.outbox, "_claim", answer_lost(bench.outbox._claim))
    with pytest.raises(BrokerUnavailable):
        bench.claim()
    other, request = Outbox(bench.redis, bench.settings), ClaimRequest(AlertType.GENERAL)
    monkeypatch.undo()
    stranger = other.claim(request, WEBHOOK, WORKER)
    assert isinstance(stranger, Throttled), "for all that another knows it is under way"
    again = bench.outbox.claim(request, WEBHOOK, WORKER)
    assert isinstance(again, FetchWebhook)
    assert bench.redis.zrange(names.gate(WEBHOOK.id, "read_in_flight"), 0, -1) == [again.token]


def test_later_claims_of_that_outbox_carry_its_token_for_a_lease_and_then_no_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]
    monkeypatch.setattr(unanswered, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    claim, carried = bench.outbox._claim, []
    monkeypatch.setattr(bench.outbox, "_claim", answer_lost(claim))
    with pytest.raises(BrokerUnavailable):
        bench.claim()

    def watched(*, keys: list[str], args: list[str]) -> Any:
        carried.append(len(json.loads(args[0])["unanswered"]))
        return claim(keys=keys, args=args)

    monkeypatch.setattr(bench.outbox, "_claim", watched)
    bench.claim()
    bench.outbox.claim(ClaimRequest(AlertType.ERROR), OTHER_WEBHOOK, WORKER)
    seconds[0] += gate.lease_seconds(bench.settings) - 1
    bench.claim()
    seconds[0] += 1
    bench.claim()
    assert carried == [1, 0, 1, 0]


def test_later_claims_with_a_webhook_carry_that_its_look_up_has_ended_for_a_lease_and_then_no_more(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [0.0]
    monkeypatch.setattr(unanswered, "time", SimpleNamespace(monotonic=lambda: seconds[0]))
    bench.admit("a")
    asked = bench.outbox.claim(ClaimRequest(AlertType.GENERAL), WEBHOOK, WORKER)
    assert isinstance(asked, FetchWebhook)
    bench.outbox.fetched(asked)
    claim, carried = bench.outbox._claim, []

    def watched(*, keys: list[str], args: list[str]) -> Any:
        carried.append(json.loads(args[0])["unanswered"])
        return claim(keys=keys, args=args)

    monkeypatch.setattr(bench.outbox, "_claim", watched)
    bench.outbox.claim(ClaimRequest(AlertType.ERROR), OTHER_WEBHOOK, WORKER)
    for passed in (0, gate.lease_seconds(bench.settings) - 1, 1):
        seconds[0] += passed
        bench.outbox.claim(ClaimRequest(AlertType.ERROR), WEBHOOK, WORKER)
    assert carried == [[], [asked.token], [asked.token], []]


def answer_lost(script: Callable[..., Any]) -> Callable[..., Any]:
    """The script runs, and its answer is lost."""

    def run(**asked: Any) -> None:
        script(**asked)
        raise redis.ConnectionError

    return run


def test_a_message_that_kills_each_worker_ends_as_a_dead_letter(bench: Bench) -> None:
    bench.admit("poison")
    for _ in range(bench.settings.retry_attempts + 1):
        bench.batch()
        bench.tick(gate.lease_seconds(bench.settings) + 1)
        found = bench.batch()
        assert found.abandoned
        bench.commit(found, Unknown(Reason.WORKER_LOST), None)
        bench.tick(100)
    final = bench.claim("poison")
    assert isinstance(final, Completed)
    record = bench.record("poison")
    assert (record["status"], record["reason"]) == (Status.UNKNOWN, Reason.WORKER_LOST)


def test_a_late_answer_counts_when_it_is_final_and_not_when_it_is_not(bench: Bench) -> None:
    bench.admit("late", "later")
    late = bench.batch()
    bench.tick(gate.lease_seconds(bench.settings) + 1)
    taken_over = bench.batch()
    bench.commit(late, Failed(Reason.BAD_GATEWAY))
    waiting = bench.claim("late")
    assert isinstance(waiting, Throttled)
    assert waiting.reason is Reason.IN_FLIGHT, "no longer its batch: its failure changes nothing"
    held = [bench.redis.zrange(names.outbox("general", part), 0, -1) for part in ("waiting", "delayed", "in_flight")]
    assert held == [[], [], ["late", "later"]]
    assert bench.redis.hget(names.notification("late"), "attempts") == "0"
    assert [record["id"] for record in bench.commit(late).records] == ["late", "later"]
    assert bench.commit(taken_over, Unknown(Reason.WORKER_LOST), None).records == ()
    assert isinstance(bench.claim("late"), Completed)
    assert bench.outbox.depth(AlertType.GENERAL) == 0


@pytest.mark.parametrize("outcome", [Delivered("900", "2"), Rejected(Reason.INVALID_PAYLOAD)])
@pytest.mark.parametrize("meanwhile", ["it is given up", "it waits", "it goes again", "it has gone again"])
def test_the_record_of_a_late_answer_says_whether_it_may_be_posted_once_more(
    bench: Bench, meanwhile: str, outcome: Outcome
) -> None:
    bench.admit("a")
    late = bench.batch()
    bench.tick(gate.lease_seconds(bench.settings) + 1)
    lost = bench.batch()
    if meanwhile != "it is given up":
        bench.commit(lost, Unknown(Reason.WORKER_LOST), None)
        bench.tick(2)
    if meanwhile.endswith("again"):
        again = bench.batch()
        if meanwhile == "it has gone again":
            bench.commit(again, Unknown(Reason.READ_TIMEOUT), None)
    (record,) = bench.commit(late, outcome).records
    assert record.get("maybe_posted", False) is meanwhile.endswith("again")
    assert bench.record("a") == record


def test_only_the_embed_that_discord_names_is_rejected(bench: Bench) -> None:
    bench.admit("d", "b", "c", "a")
    result = bench.commit(bench.batch(), Rejected(Reason.INVALID_PAYLOAD, "", frozenset({(2, "title")})))
    assert [(record["id"], record["status"]) for record in result.records] == [("c", "rejected")]
    bench.admit("0-later")
    bench.tick(1)
    again = bench.batch()
    assert titles(again) == ["d", "b", "a", "0-later"], "in their order, before those that came later"
    assert [item.attempts for item in again.items] == [0, 0, 0, 0]


def test_one_that_has_ornaments_goes_again_without_them_first(bench: Bench) -> None:
    bench.admit("a", source="service")
    refusal = Rejected(Reason.INVALID_PAYLOAD, "", frozenset({(0, "title")}))
    assert bench.commit(bench.batch(), refusal).records == ()
    bench.tick(1)
    (record,) = bench.commit(bench.batch(), refusal).records
    assert (record["status"], record["left_out"]) == ("rejected", ["color", "footer", "timestamp"])


@pytest.mark.parametrize("parts", [[], [(7, "url")]], ids=["names none", "names one that is not there"])
def test_if_discord_names_no_embed_each_is_sent_alone(bench: Bench, parts: list[tuple[int | None, str]]) -> None:
    bench.admit("a", "b")
    assert bench.commit(bench.batch(), Rejected(Reason.INVALID_PAYLOAD, "", frozenset(parts))).records == ()
    for title in ("a", "b"):
        bench.tick(1)
        alone = bench.batch()
        assert titles(alone) == [title]
        assert len(bench.commit(alone, Rejected(Reason.INVALID_PAYLOAD)).records) == 1
    assert bench.outbox.depth(AlertType.GENERAL) == 0


def test_one_whose_fields_go_into_a_file_goes_alone(bench: Bench) -> None:
    bench.admit("plain")
    bench.admit("detailed", fields={"a": "b"})
    refusal = Rejected(Reason.INVALID_PAYLOAD, "", frozenset({(1, "fields.0.value")}))
    bench.commit(bench.batch(), refusal)
    for title in ("plain", "detailed"):
        bench.tick(1)
        batch = bench.batch()
        assert titles(batch) == [title]
        bench.commit(batch)


def test_failures_wait_while_others_go_on_and_end_after_the_attempts(bench: Bench) -> None:
    bench.admit("failing")
    batch = bench.batch()
    for attempt in range(1, bench.settings.retry_attempts + 1):
        result = bench.commit(batch, Failed(Reason.BAD_GATEWAY), retry_wait_seconds=2)
        assert result.records == ()
        assert result.wake_up is not None
        assert result.wake_up.wait_seconds == pytest.approx(2)
        waiting = bench.claim("failing")
        assert isinstance(waiting, Throttled)
        assert waiting.reason is Reason.BACKING_OFF
        bench.admit(f"other{attempt}")
        bench.tick(0.1)
        other = bench.batch()
        assert titles(other) == [f"other{attempt}"]
        bench.commit(other)
        bench.tick(2)
        dispatch = bench.claim(wake_up=result.wake_up.token)
        assert isinstance(dispatch, Batch)
        batch = dispatch
    (record,) = bench.commit(batch, Failed(Reason.BAD_GATEWAY)).records
    assert (record["status"], record["attempts"]) == ("failed", bench.settings.retry_attempts + 1)
    assert bench.redis.zrange(names.dead_letters(AlertType.GENERAL), 0, -1) == ["failing"]


def test_a_message_that_this_version_cannot_read_holds_up_no_other(bench: Bench) -> None:
    bench.admit("a", "odd", "b")
    bench.redis.hset(names.notification("odd"), "message", '{"title": "x", "from_the_future": 1}')
    batch = bench.batch()
    assert batch.unreadable == ("odd",)
    result = bench.commit(batch, Rejected(Reason.INVALID_MESSAGE, "", frozenset({(1, "")})))
    assert [(record["id"], record["status"]) for record in result.records] == [("odd", "rejected")]
    assert "from_the_future" in result.records[0]["message"]["message"]
    bench.tick(1)
    assert titles(bench.batch()) == ["a", "b"]


def test_committing_twice_changes_nothing(bench: Bench) -> None:
    bench.admit("a", "b")
    batch = bench.batch()
    bench.commit(batch)
    assert bench.commit(batch).records == ()
    assert bench.outbox.depth(AlertType.GENERAL) == 0
    assert [bench.record(each)["status"] for each in ("a", "b")] == ["delivered"] * 2


def test_what_is_due_again_waits_in_a_key_that_has_a_life(make_bench: MakeBench) -> None:
    bench = make_bench(breaker_failures=1)
    bench.admit("failing")
    bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY), retry_wait_seconds=1)
    bench.tick(2)
    assert isinstance(bench.claim(), Throttled), "the breaker is open"
    assert bench.redis.ttl(names.outbox(AlertType.GENERAL, "waiting")) > 0


def test_a_429_costs_no_attempt(bench: Bench) -> None:
    bench.admit("patient")
    for _ in range(bench.settings.retry_attempts + 3):
        batch = bench.batch()
        assert batch.items[0].attempts == 0
        assert bench.commit(batch, Deferred(5, Reason.RATE_LIMITED)).records == ()
        bench.tick(5.1)
    assert bench.commit(bench.batch()).records[0]["attempts"] == 1


def test_without_a_webhook_alerts_become_dead_letters_and_no_request_is_reserved(make_bench: MakeBench) -> None:
    bench = make_bench(undeliverable_seconds=0)
    bench.admit("a", "b")
    batch = bench.batch(None)
    assert batch.blocked is Reason.WEBHOOK_NOT_CONFIGURED
    records = bench.commit(batch, Rejected(Reason.WEBHOOK_NOT_CONFIGURED)).records
    assert [(record["reason"], record["attempts"]) for record in records] == [("webhook_not_configured", 0)] * 2
    assert bench.redis.keys("notifier:gate:*") == []


def test_one_wake_up_is_under_way_however_many_claim(bench: Bench) -> None:
    bench.admit(*(f"n{number}" for number in range(30)))
    bench.commit(bench.batch(), Deferred(30, Reason.RATE_LIMITED))
    claims = [bench.claim(f"n{number}") for number in range(30)]
    sent = [claim.wake_up for claim in claims if isinstance(claim, Throttled) and claim.wake_up]
    assert sent == [], "the commit sent it"
    assert bench.outbox.sweep(AlertType.GENERAL) is None


def test_a_wake_up_arms_the_next_and_an_old_one_does_not_double_the_chain(bench: Bench) -> None:
    bench.admit("a")
    first = bench.commit(bench.batch(), Deferred(30, Reason.RATE_LIMITED)).wake_up
    assert first is not None
    second = bench.claim(wake_up=first.token)
    assert isinstance(second, Throttled)
    assert second.wake_up is not None
    stale = bench.claim(wake_up=first.token)
    assert isinstance(stale, Throttled)
    assert stale.wake_up is None


def test_an_earlier_reason_to_wake_replaces_a_later_one(bench: Bench) -> None:
    bench.admit("a")
    bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY), retry_wait_seconds=50)
    bench.admit("b")
    bench.tick(1)
    sent = bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY), retry_wait_seconds=5).wake_up
    assert sent is not None
    assert sent.wait_seconds == pytest.approx(5)


def test_the_sweep_finds_what_no_delivery_task_will_come_for(bench: Bench) -> None:
    assert bench.outbox.sweep(AlertType.GENERAL) is None, "nothing waits"
    bench.admit("forgotten")
    sent = bench.outbox.sweep(AlertType.GENERAL)
    assert sent is not None
    assert sent.wait_seconds == 0
    assert bench.outbox.sweep(AlertType.GENERAL) is None, "one is under way"
    batch = bench.claim(wake_up=sent.token)
    assert isinstance(batch, Batch)
    later = bench.outbox.sweep(AlertType.GENERAL)
    assert later is not None
    assert later.wait_seconds == pytest.approx(LIFE_SECONDS), "its worker may die"


def test_a_wake_up_that_a_dead_worker_held_is_missed_within_a_second_of_its_time(bench: Bench) -> None:
    bench.admit("a")
    first = bench.outbox.sweep(AlertType.GENERAL)
    assert first is not None
    bench.tick(0.5)
    assert bench.outbox.sweep(AlertType.GENERAL) is None, "it may be on its way"
    bench.tick(0.6)
    assert bench.outbox.sweep(AlertType.GENERAL) is not None


def test_a_commit_that_is_repeated_reports_to_the_gate_once(bench: Bench) -> None:
    bench.admit("a")
    batch = bench.batch()
    for _ in range(2):
        bench.commit(batch, Failed(Reason.BAD_GATEWAY))
    assert bench.redis.hget(names.gate(WEBHOOK.id), "failures") == "1"


def test_whatever_decides_outlives_the_master(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []

    def noted(client: object, text: str, before_first: object = None) -> None:
        steps.append(text)

    for module in (admission_module, outbox_module, digest_module):
        monkeypatch.setattr(module, "atomic_step", noted)
    settings, client = Settings.load(), connect(redis_url, 5)
    Outbox(client, settings), Digests(client, settings)
    Admission(client, settings)._step(AlertType.GENERAL)
    files = ("admit", "claim", "commit", "fold", "digest")
    texts = [script(f"outbox/{file}.lua").rpartition(admission_module.OWN_ARGUMENT)[2] for file in files]
    assert [sum(text in step for step in steps) for text in texts] == [1] * 5
    client.close()


def test_under_load_a_small_batch_waits_for_company_and_an_idle_alert_does_not(bench: Bench) -> None:
    bench.admit("idle")
    bench.commit(bench.batch())
    bench.admit("soon-after")
    waiting = bench.claim()
    assert isinstance(waiting, Throttled)
    assert waiting.reason is Reason.BATCHING
    assert waiting.wait_seconds < 0.1
    bench.admit(*(f"n{number}" for number in range(9)))
    assert len(bench.batch().items) == 10, "a full one does not wait"


def test_an_alert_that_is_sent_alone_does_not_wait_for_others(bench: Bench) -> None:
    bench.admit("before")
    bench.commit(bench.batch())
    bench.admit("alone", message="x" * 10_000)
    assert titles(bench.batch()) == ["alone"]


def test_the_next_wake_up_is_due_when_the_gate_opens(bench: Bench) -> None:
    bench.admit("a")
    wake_up = bench.commit(bench.batch(), Deferred(30, Reason.RATE_LIMITED)).wake_up
    assert wake_up is not None
    assert wake_up.wait_seconds == pytest.approx(30)


def test_the_record_says_what_happened(bench: Bench) -> None:
    bench.admit("a", message="text", metadata={"host": "db1"})
    batch = bench.batch()
    bench.tick(1.5)
    (record,) = bench.commit(batch).records
    assert record["link"] == "https://discord.com/channels/3000000000000000001/2000000000000000001/900"
    assert record["message"]["message"] == "text"
    assert record["message"]["metadata"] == {"host": "db1"}
    assert record["webhook_id"] == WEBHOOK.id
    assert record["finished_at"] > record["admitted_at"]


def test_an_outage_kills_no_alert_however_often_it_was_tried(bench: Bench) -> None:
    bench.admit("patient")
    for _ in range(4 * (bench.settings.retry_attempts + 1)):
        assert bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY)).records == ()
        bench.tick(1_000)
    batch = bench.batch()
    assert batch.items[0].attempts == 4 * (bench.settings.retry_attempts + 1)
    assert [record["status"] for record in bench.commit(batch).records] == ["delivered"]


def test_in_an_outage_those_that_were_tried_less_go_before_one_whose_attempts_are_used_up(bench: Bench) -> None:
    bench.admit("tried", username="rides alone")
    bench.admit("fresh")
    for _ in range(bench.settings.retry_attempts + 1):
        batch = bench.batch()
        assert titles(batch) == ["tried"]
        bench.commit(batch, Failed(Reason.BAD_GATEWAY), retry_wait_seconds=1)
        bench.tick(1_000)
    assert titles(bench.batch()) == ["fresh"]


def lose_worker(bench: Bench, batch: Batch) -> None:
    """The worker of a batch dies, and another takes it over."""
    bench.tick(gate.lease_seconds(bench.settings) + 1)
    taken_over = bench.batch()
    assert (taken_over.abandoned, titles(taken_over)) == (True, titles(batch))
    assert bench.commit(taken_over, Unknown(Reason.WORKER_LOST), None).records == ()
    bench.tick(1_000)


def hang(bench: Bench, batch: Batch) -> None:
    """A request of a batch is not answered in time."""
    assert bench.commit(batch, Unknown(Reason.READ_TIMEOUT), None).records == ()
    bench.tick(1_000)


@pytest.mark.parametrize("ids", [["a"], ["a", "b", "c"]], ids=["one", "three"])
@pytest.mark.parametrize("deaths", [1, 2, 3], ids=["each second", "each third", "each fourth"])
def test_an_outage_kills_no_alert_whatever_dies_in_it(bench: Bench, ids: list[str], deaths: int) -> None:
    bench.admit(*ids)
    for number in range(8 * (bench.settings.retry_attempts + 1)):
        batch = bench.batch()
        if number % (deaths + 1):
            lose_worker(bench, batch)
        else:
            hang(bench, batch)
    delivered = []
    while bench.outbox.depth(AlertType.GENERAL):
        delivered += [record["id"] for record in bench.commit(bench.batch()).records if record["success"]]
        bench.tick(1_000)
    assert sorted(delivered) == ids


def test_no_alert_of_many_dies_though_every_worker_did_before_it_could_report(bench: Bench) -> None:
    ids = [f"alert {number}" for number in range(40)]
    bench.admit(*ids)
    for _ in range(3 * (bench.settings.retry_attempts + 1)):
        lose_worker(bench, bench.batch())
    assert bench.outbox.depth(AlertType.GENERAL) == len(ids)


def test_an_operators_reset_in_an_outage_kills_no_alert(bench: Bench) -> None:
    bench.admit("patient")
    for _ in range(4 * (bench.settings.retry_attempts + 1)):
        hang(bench, bench.batch())
        bench.gate.reset(WEBHOOK)
    assert bench.outbox.depth(AlertType.GENERAL) == 1


def test_an_outage_after_the_clock_has_stepped_back_kills_no_alert(bench: Bench) -> None:
    bench.admit("before")
    bench.commit(bench.batch())
    bench.tick(-100_000)
    bench.admit("patient")
    bench.claim()  # it learns that the clock has stepped back
    bench.tick(1)
    for _ in range(4 * (bench.settings.retry_attempts + 1)):
        hang(bench, bench.batch())
    assert bench.outbox.depth(AlertType.GENERAL) == 1


def test_one_that_kills_each_worker_lets_all_others_pass_and_ends(bench: Bench) -> None:
    bench.admit("poison", "a", "b")
    ended: dict[str, str] = {}
    while not isinstance(claim := bench.claim(), Empty):
        if not isinstance(claim, Batch):
            bench.tick(1_000)
        elif "poison" in titles(claim):
            bench.tick(gate.lease_seconds(bench.settings) + 1)
            lost = bench.commit(bench.batch(), Unknown(Reason.WORKER_LOST), None)
            ended |= {record["id"]: record["status"] for record in lost.records}
        else:
            ended |= {record["id"]: record["status"] for record in bench.commit(claim).records}
    assert list(ended.items()) == [("a", "delivered"), ("b", "delivered"), ("poison", "unknown")]


def test_a_wait_too_short_to_matter_is_not_logged(bench: Bench) -> None:
    bench.admit("before")
    bench.commit(bench.batch())
    bench.admit("soon-after")
    waiting = bench.claim()
    assert isinstance(waiting, Throttled)
    assert waiting.reason is Reason.BATCHING
    log = json.loads(str(bench.redis.hget(names.outbox(AlertType.GENERAL, "state"), "held")))
    assert [reason for _, reason in log] == ["in_flight", ""]


def test_what_an_outbox_waited_for_is_bounded_and_its_end_is_kept(bench: Bench) -> None:
    for number in range(30):
        bench.admit(f"n{number}")
        bench.commit(bench.batch())
        bench.tick(1)
    held = json.loads(str(bench.redis.hget(names.outbox(AlertType.GENERAL, "state"), "held")))
    assert 20 <= len(held) <= 24
    assert held[-1][1] == ""


def test_one_that_fails_while_discord_takes_others_ends_after_its_attempts(bench: Bench) -> None:
    bench.admit("poison", username="rides alone")
    for number in range(bench.settings.retry_attempts + 1):
        bench.admit(f"other{number}", username="others")
        for _ in range(2):
            batch = bench.batch()
            bench.commit(batch, Failed(Reason.BAD_GATEWAY) if titles(batch) == ["poison"] else None)
            bench.tick(1)
        bench.tick(5)
    final = bench.claim("poison")
    assert isinstance(final, Completed)
    record = bench.record("poison")
    assert (record["status"], record["attempts"]) == ("failed", bench.settings.retry_attempts + 1)


def test_in_company_each_answers_for_itself_before_it_dies(make_bench: MakeBench) -> None:
    bench = make_bench(retry_attempts=1)
    bench.admit("a", "b")
    bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY))
    bench.admit("c", username="other")
    bench.tick(1)
    bench.commit(bench.batch())
    bench.tick(3)
    assert bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY)).records == ()
    bench.tick(1)
    alone = bench.batch()
    assert titles(alone) == ["a"]
    bench.commit(alone)
    bench.tick(1)
    assert [record["status"] for record in bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY)).records] == [
        "failed"
    ]


def test_an_alert_that_waited_too_long_is_a_dead_letter_even_while_the_gate_is_closed(make_bench: MakeBench) -> None:
    bench = make_bench(expire_seconds=50)
    bench.admit("old")
    bench.commit(bench.batch(), Deferred(60, Reason.RATE_LIMITED), None)
    bench.tick(49)
    assert isinstance(bench.claim(), Throttled)
    bench.admit("young")
    bench.tick(2)
    expired = bench.batch()
    assert (titles(expired), expired.blocked) == (["old"], Reason.EXPIRED)
    (record,) = bench.commit(expired, Rejected(Reason.EXPIRED), None).records
    assert (record["status"], record["reason"]) == ("expired", "expired")
    assert bench.redis.zrange(names.dead_letters(AlertType.GENERAL), 0, -1) == ["old"]
    assert isinstance(bench.claim("young"), Throttled)


def test_one_that_backs_off_expires_too(make_bench: MakeBench) -> None:
    bench = make_bench(expire_seconds=3_600)
    bench.admit("old")
    bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY), retry_wait_seconds=50_000)
    bench.tick(3_601)
    assert bench.batch().blocked is Reason.EXPIRED
    assert bench.redis.zcard(names.outbox("general", "delayed")) == 0


def test_one_whose_answer_was_lost_is_marked_and_keeps_room_for_the_note(bench: Bench) -> None:
    bench.admit("a", message="x" * 2_950)
    bench.admit("b", message="x" * 2_950)
    batch = bench.batch()
    assert titles(batch) == ["a", "b"]
    bench.commit(batch, Unknown(Reason.READ_TIMEOUT), None)
    bench.tick(3)
    again = bench.batch()
    assert [(each.message.title, each.maybe_posted) for each in again.items] == [("a", True)]


def test_what_was_waited_for_longest_is_reported(bench: Bench) -> None:
    bench.admit("a")
    bench.commit(bench.batch(), Deferred(300, Reason.RATE_LIMITED), None)
    bench.admit("b")
    assert isinstance(bench.claim(), Throttled)
    bench.tick(301)
    assert [each.delayed_by for each in bench.batch().items] == [Reason.RATE_LIMITED] * 2


def test_the_events_of_a_notification_are_bounded_and_keep_the_first_and_the_last(bench: Bench) -> None:
    bench.admit("a")
    for _ in range(60):
        bench.commit(bench.batch(), Deferred(1, Reason.RATE_LIMITED), None)
        bench.tick(3)
    bench.commit(bench.batch())
    trail = json.loads(str(bench.redis.hget(names.notification("a"), "trail")))
    assert len(trail) == 40
    assert [trail[0]["step"], trail[-1]["step"]] == ["batch", "complete"]
    assert trail[2]["waited"]["rate_limited"] > 0


def test_an_alert_that_a_broken_outbox_did_not_take_is_not_known_once_it_is_mended(bench: Bench) -> None:
    broken = names.outbox(AlertType.GENERAL, "state")
    bench.redis.set(broken, "no hash", ex=60)
    message, terms = NotificationMessage(id="a", title="a"), Terms(expires_seconds=60)
    with pytest.raises(BrokerUnavailable, match="WRONGTYPE"):
        bench.outbox.admit(message, terms)
    bench.redis.delete(broken)
    assert bench.outbox.admit(message, terms) is Admitted.NOW
    assert [each.id for each in bench.batch().messages] == ["a"]


def test_a_batch_that_takes_no_more_waits_for_no_company(bench: Bench) -> None:
    bench.admit("first")
    bench.open_gate()
    bench.admit("a")
    bench.commit(bench.batch())
    bench.admit("b")
    held = bench.claim()
    assert isinstance(held, Throttled)
    assert held.reason is Reason.BATCHING
    bench.admit("of another sender", username="Somebody")
    assert [each.title for each in bench.batch().messages] == ["b"]
