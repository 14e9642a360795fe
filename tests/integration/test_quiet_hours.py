"""In quiet hours a request makes no sound, or alerts are held until they end. That is decided by Redis' clock."""

from datetime import UTC, datetime
from typing import Any

import pytest

from notifier.errors import QueueFull
from notifier.models import AlertType, NotificationMessage
from notifier.operations import explain as explain_module
from notifier.operations import waiting as waiting_module
from notifier.operations.explain import explain
from notifier.operations.waiting import waiting_alerts
from notifier.outbox import digest as digest_module
from notifier.outbox import outbox as outbox_module
from notifier.outbox.batch_item import Request
from notifier.outbox.claim import Batch, Throttled
from notifier.outbox.digest import DIGEST_SECONDS, Digests
from notifier.outbox.progress import Progress
from notifier.outbox.quiet import hold_arguments
from notifier.outbox.quiet import is_silent as is_silent_at
from notifier.outbox.step_arguments import StepArguments
from notifier.outbox.terms import Terms
from notifier.outcome import Failed, Reason, Rejected
from notifier.quiet_hours import parse
from notifier.render.batch import SUPPRESS_NOTIFICATIONS, compose
from notifier.worker.batch_payload import payload_of
from tests.integration.conftest import CLOCK, SECOND, WEBHOOK, Bench, MakeBench, by_test_clock
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


def test_it_is_told_afterwards_that_an_alert_made_no_sound_and_why(bench: Bench) -> None:
    go_to(bench, 21, 58)
    bench.admit("heard")
    bench.commit(bench.batch())
    bench.tick(180)
    bench.admit("silent")
    bench.commit(bench.batch())
    assert [bench.record(each)["detail"] for each in ("heard", "silent")] == ["", "without sound: quiet hours"]
    assert told(bench, "silent")[-1].endswith(" (without sound: quiet hours)")


# held


@pytest.fixture
def holding(make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """At 23:00; general alerts are held from 22:00 to 07:00 UTC."""
    monkeypatch.setattr(outbox_module, "clock", lambda client: int(client.get(CLOCK)))
    quiet = parse("22:00-07:00 UTC hold")
    bench = make_bench(webhooks={GENERAL: WEBHOOK}, mentions_by_type={GENERAL: (ROLE,)}, quiet_hours=quiet)
    bench.admit("first")
    bench.open_gate()
    go_to(bench, 23, 0)
    return bench


def ids(batch: Batch) -> list[str]:
    return [each.message.id for each in batch.items]


def postponed(bench: Bench) -> bool:
    claim = bench.claim()
    return isinstance(claim, Throttled) and claim.reason is Reason.POSTPONED


def told(bench: Bench, notification_id: str) -> list[str]:
    return [step.what for step in explain(bench.redis, names, bench.records, notification_id)]


def test_what_is_held_waits_until_the_hours_are_over_and_goes_as_one_message(holding: Bench) -> None:
    alerts = [f"a{number}" for number in range(25)]
    holding.admit(*alerts)
    assert postponed(holding)
    go_to(holding, 6, 59)
    holding.admit("late")
    assert postponed(holding)
    go_to(holding, 7, 1)
    batch = holding.batch()
    assert ids(batch) == [*alerts, "late"]
    assert not is_silent(batch)
    assert batch.pinging == (GENERAL,)
    content = payload_of(batch).body["content"]
    assert content.startswith(f"{ROLE} ")
    assert "26 alerts in 9 h of quiet hours" in content
    holding.commit(batch)
    assert {holding.record(each)["message_id"] for each in (*alerts, "late")} == {"900"}


def test_an_incident_that_is_held_waits_for_the_end_of_the_hours(
    holding: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (waiting_module, explain_module):
        monkeypatch.setattr(module, "clock", lambda client: int(client.get(CLOCK)))
    holding.admit("alone", dedup_key="disk")
    holding.admit("button", buttons=[{"label": "Open", "url": "https://example.com"}])
    assert postponed(holding)
    (found,) = waiting_alerts(holding.redis, names, [GENERAL])
    assert {each.id: each.why for each in found.shown} == dict.fromkeys(("alone", "button"), "held by quiet hours")
    for each in ("alone", "button"):
        assert told(holding, each)[-1] == "still waiting, for another 8 h: held by quiet hours"


def test_explain_says_until_when_one_is_held(holding: Bench) -> None:
    holding.admit("a")
    holding.claim()
    assert told(holding, "a")[1] == "held by quiet hours until 07:00 UTC"
    go_to(holding, 7, 1)
    holding.commit(holding.batch())
    assert told(holding, "a")[1:3] == ["held by quiet hours until 07:00 UTC", "carried"]


def test_what_waited_before_or_failed_in_the_hours_is_held_too(holding: Bench) -> None:
    go_to(holding, 21, 59)
    holding.admit("a")
    batch = holding.batch()
    holding.tick(120)
    holding.commit(batch, Failed(Reason.CONNECTION_FAILED, ""))
    holding.tick(60)
    assert postponed(holding)
    go_to(holding, 7, 1)
    assert ids(holding.batch()) == ["a"]


@pytest.mark.parametrize(
    "given", [{"severity": "critical"}, {"metadata": {"replay_of": "b"}}], ids=["critical", "replayed"]
)
def test_what_cannot_wait_goes_at_once(holding: Bench, given: dict[str, Any]) -> None:
    holding.admit("held")
    holding.admit("a", **given)
    assert ids(holding.batch()) == ["a"]


def test_only_a_critical_one_is_heard(holding: Bench) -> None:
    holding.admit("a", severity="critical")
    assert not is_silent(holding.batch())


def test_an_alert_of_another_type_is_not_held(holding: Bench) -> None:
    holding.admit("a", alert_type=CRITICAL)
    holding.redis.zadd(names.outbox(GENERAL, "waiting"), {"a": 10_000})  # as a failover moves it
    holding.redis.hset(names.notification("a"), "rerouted", 1)
    assert ids(holding.batch()) == ["a"]


def test_the_parts_of_one_that_has_begun_follow_at_once(holding: Bench) -> None:
    holding.admit("a", message="line\n" * 3_000, long_text="split")
    holding.redis.hset(names.notification("a"), "progress", Progress(part=1).as_json())
    assert ids(holding.batch()) == ["a"]


def test_an_open_incident_is_kept_up_to_date_and_a_new_one_waits(holding: Bench) -> None:
    go_to(holding, 21, 30)
    holding.admit("open", dedup_key="open")
    holding.commit(holding.batch())
    go_to(holding, 22, 0)
    holding.admit("again", "resolved", dedup_key="open")
    holding.admit("new", dedup_key="new")
    batch = holding.batch()
    assert [each.request for each in batch.items] == [Request.EDIT]
    holding.commit(batch)
    assert postponed(holding)
    go_to(holding, 7, 1)
    assert ids(holding.batch()) == ["new"]


@pytest.mark.parametrize(
    "of_its_own",
    [{"mentions": ("user:7",)}, {"content": "look"}, {"thread_id": "5"}, {"long_text": "split"}],
    ids=str,
)
def test_what_has_something_of_its_own_goes_as_a_message_of_its_own(holding: Bench, of_its_own: dict[str, Any]) -> None:
    holding.admit("a", "b")
    holding.admit("own", **of_its_own)
    holding.admit("c")
    assert postponed(holding)
    go_to(holding, 7, 1)
    sent = []
    for _ in range(2):
        batch = holding.batch()
        sent.append(ids(batch))
        holding.commit(batch)
        holding.tick(1)
    assert sorted(sent) == [["a", "b", "c"], ["own"]]


def test_one_that_expires_before_is_a_dead_letter_at_its_time(holding: Bench) -> None:
    holding.admit("a", terms=Terms(expires_seconds=60))
    claim = holding.claim()
    assert isinstance(claim, Throttled)
    assert claim.wake_up is not None
    assert claim.wake_up.wait_seconds <= 60
    holding.tick(61)
    batch = holding.batch()
    assert batch.blocked is Reason.EXPIRED
    holding.commit(batch, Rejected(Reason.EXPIRED, ""))
    assert holding.record("a")["reason"] == "expired"


def test_what_is_held_takes_its_place_and_can_be_withdrawn(holding: Bench) -> None:
    holding.outbox._settings = holding.settings.model_copy(update={"queue_size": 2})
    holding.admit("a", "b")
    assert postponed(holding)
    assert holding.outbox.depth(GENERAL) == 2
    holding.withdrawals.withdraw("a")
    assert holding.record("a")["status"] == "withdrawn"


def test_more_than_the_outbox_holds_are_folded_and_their_digest_is_held_with_the_others(
    holding: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest_module, "script", by_test_clock)
    settings = holding.settings.model_copy(update={"queue_size": 2})
    holding.outbox._settings, flood = settings, Digests(holding.redis, settings)
    holding.admit("a", "b")
    assert postponed(holding)
    for more in ("c", "d"):
        assert flood.fold(NotificationMessage(id=more, title=more)) == "folded"
    holding.tick(DIGEST_SECONDS + 1)
    assert flood.admit(GENERAL)
    assert postponed(holding)
    assert holding.outbox.depth(GENERAL) == 3
    go_to(holding, 7, 1)
    assert [each.message.title for each in holding.batch().items] == ["a", "b", "2 more"]


def test_a_critical_alert_finds_room_beside_what_is_held_and_goes_at_once(
    make_bench: MakeBench, holding: Bench
) -> None:
    full = make_bench(queue_size=2)
    full.admit("a", "b")
    with pytest.raises(QueueFull):
        full.admit("c")
    assert postponed(holding)
    full.admit("urgent", "urgent too", severity="critical")
    with pytest.raises(QueueFull):
        full.admit("too many", severity="critical")
    assert ids(holding.batch()) == ["urgent", "urgent too"]


def test_what_is_held_goes_at_its_time_though_the_hours_are_no_more_set_or_later(holding: Bench) -> None:
    holding.admit("a")
    assert postponed(holding)
    holding.outbox._settings = holding.settings.model_copy(update={"quiet_hours": parse("off")})
    holding.admit("b")
    batch = holding.batch()
    assert ids(batch) == ["b"]
    holding.commit(batch)
    holding.outbox._settings = holding.settings.model_copy(update={"quiet_hours": parse("22:00-08:00 UTC hold")})
    go_to(holding, 7, 1)
    assert postponed(holding)
    assert told(holding, "a")[1:3] == ["held by quiet hours until 07:00 UTC", "held by quiet hours until 08:00 UTC"]
    go_to(holding, 8, 0)
    assert ids(holding.batch()) == ["a"]


def test_a_standstill_is_not_reported_of_what_is_held(holding: Bench) -> None:
    holding.admit("a")
    assert postponed(holding)
    holding.tick(3_600)
    holding.outbox.sweep(GENERAL)
    assert holding.redis.hgetall(names.troubles) == {}


def test_of_a_type_that_has_quiet_hours_by_name_alone_no_alert_is_exempt(make_bench: MakeBench) -> None:
    for manner in ("silent", "hold"):
        by_type = {CRITICAL: parse(f"01:00-00:59 UTC {manner}")}
        bench = make_bench(webhooks={CRITICAL: WEBHOOK}, quiet_hours_by_type=by_type)
        message = NotificationMessage(id="a", title="a", alert_type=CRITICAL, severity="critical")
        now = int(str(bench.redis.get(CLOCK)))
        assert is_silent_at([message], datetime.fromtimestamp(now / SECOND, UTC), bench.settings)
        found = hold_arguments(CRITICAL, now, bench.settings)
        assert (found or {}).get("heard") == ("" if manner == "hold" else None)


def test_all_that_waits_is_held_and_not_only_those_at_the_front(make_bench: MakeBench, holding: Bench) -> None:
    make_bench(queue_size=1_000).admit(*(f"a{number}" for number in range(501)))
    assert postponed(holding), "a claim takes 500 at once"


@pytest.mark.parametrize(("bytes_max", "fit"), [(1_500, 1), (2_000, 2)])
def test_what_is_more_than_one_message_may_have_goes_as_several(
    holding: Bench, monkeypatch: pytest.MonkeyPatch, bytes_max: int, fit: int
) -> None:
    monkeypatch.setattr(holding.outbox, "_arguments", StepArguments(holding.settings, bytes_max=bytes_max))
    holding.admit("a", "b", "c", message="x" * 800)
    assert postponed(holding)
    go_to(holding, 7, 1)
    assert ids(holding.batch()) == ["a", "b", "c"][:fit]


def test_a_worker_that_asked_before_they_ended_holds_nothing_after(
    holding: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_to(holding, 7, 0)
    before = int(str(holding.redis.get(CLOCK))) - 1
    monkeypatch.setattr(outbox_module, "clock", lambda _: before)
    holding.admit("a")
    assert ids(holding.batch()) == ["a"]


@pytest.mark.parametrize(
    ("evening", "morning"),
    [("2027-03-27T22:00", "2027-03-28T05:00"), ("2027-10-30T21:00", "2027-10-31T06:00")],
    ids=["clocks forward", "clocks back"],
)
def test_a_night_in_which_the_clocks_are_changed_ends_by_the_clock_on_the_wall(
    holding: Bench, evening: str, morning: str
) -> None:
    holding.outbox._settings = holding.settings.model_copy(
        update={"quiet_hours": parse("22:00-07:00 Europe/Berlin hold")}
    )
    begun, over = (datetime.fromisoformat(f"{each}+00:00").timestamp() for each in (evening, morning))
    holding.redis.set(CLOCK, round(begun * SECOND))
    holding.admit("a")
    assert postponed(holding)
    assert told(holding, "a")[1] == "held by quiet hours until 07:00 Europe/Berlin"
    holding.redis.set(CLOCK, round(over * SECOND) - 1)
    assert postponed(holding)
    holding.tick(1)
    assert ids(holding.batch()) == ["a"]
