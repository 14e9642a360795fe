"""An open incident that nobody takes care of is told again: each time once, whatever dies in between."""

from typing import Any

import pytest

from notifier.outbox.reminders import LATER_SECONDS, LEASE_SECONDS, Reminders, What
from notifier.worker.reminder_watch import ReminderWatch
from tests.integration.conftest import OTHER_WEBHOOK, MakeBench
from tests.integration.incidents import CHANNEL, KEY, admit, opened, show
from tests.integration.reminding import (
    DAY,
    GENERAL,
    HOUR,
    HOURLY,
    LONG,
    MINUTE,
    Watched,
    is_planned,
    watched,
)
from tests.names import names

__all__ = ["watched"]


def test_what_is_open_is_told_again_in_a_post_of_its_own(watched: Watched) -> None:
    opened(watched.bench, message="/var", severity="error", mentions=["role:123"], **HOURLY)
    admit(watched.bench, "again", message="/var", severity="error", mentions=["role:123"], **HOURLY)
    show(watched.bench)
    assert watched.sweep(HOUR - 60) == []
    assert watched.sweep(60) == ["🔔 Still open: Disk full"]
    (message,) = watched.posted.values()
    since, how = message.message.split("\n")
    assert since == (
        "since <t:1800000020:f> (<t:1800000020:R>) · × 2, last <t:1800000026:t>"
        f" · [its message](https://discord.com/channels/3000000000000000001/{CHANNEL}/901)"
    )
    assert how == "-# reminder 1 · `notifier ack disk`"
    assert (message.alert_type, message.severity, message.mentions) == (GENERAL, "error", ("<@&123>",))
    assert watched.bench.record(message.id)["status"] == "delivered"


def test_the_next_one_takes_twice_as_long_up_to_a_day_and_there_is_a_last_one(watched: Watched) -> None:
    opened(watched.bench, remind_seconds=6 * HOUR, **LONG)
    assert watched.hours(140) == [6, 18, 42, 66, 90, 114, 138]
    opened_again = {"dedup_key": "other", "remind_seconds": 0.001, **LONG}
    admit(watched.bench, "other", **opened_again)
    show(watched.bench)
    before = len(watched.posted)
    for _ in range(30):
        watched.sweep(HOUR)
    told = [each for each in list(watched.posted.values())[before:] if "other" in each.message]
    assert len(told) == 20
    admit(watched.bench, "over", dedup_key="other", resolved=True)
    watched.sweep()
    admit(watched.bench, "again", **opened_again)
    watched.sweep(HOUR)
    assert len([each for each in watched.posted.values() if "ack other" in each.message]) == 20
    assert is_planned(watched), "the first one goes on"


@pytest.mark.parametrize("end", ["resolved", "acknowledged", "over"])
def test_it_ends_with_the_incident_and_when_somebody_takes_care_of_it(watched: Watched, end: str) -> None:
    seconds = {"dedup_seconds": 2 * HOUR} if end == "over" else LONG
    opened(watched.bench, remind_seconds=HOUR, escalate_after=4 * HOUR, **seconds)
    assert len(watched.sweep(HOUR)) == 1
    if end == "resolved":
        admit(watched.bench, "over", resolved=True)
    if end == "acknowledged":
        admit(watched.bench, "ack", acknowledged_by="ops")
        admit(watched.bench, "repeat", remind_seconds=HOUR, escalate_after=4 * HOUR, **seconds)
    for _ in range(5):
        assert len(watched.sweep(2 * HOUR)) == 1
    assert not is_planned(watched)


def test_what_comes_again_after_it_was_resolved_is_told_again(watched: Watched) -> None:
    opened(watched.bench, **HOURLY)
    assert len(watched.sweep(HOUR)) == 1
    assert len(watched.sweep(2 * HOUR)) == 2
    admit(watched.bench, "over", resolved=True)
    watched.sweep(MINUTE)
    admit(watched.bench, "again", **HOURLY)
    watched.sweep()
    assert len(watched.sweep(HOUR - 10)) == 2
    assert len(watched.sweep(20)) == 3
    assert list(watched.posted.values())[-1].message.endswith("reminder 3 · `notifier ack disk`")


def test_a_new_incident_has_reminders_of_its_own(watched: Watched) -> None:
    seconds = {"dedup_seconds": HOUR + MINUTE, "remind_seconds": HOUR}
    opened(watched.bench, **seconds)
    assert len(watched.sweep(HOUR)) == 1
    watched.bench.tick(2 * HOUR)
    admit(watched.bench, "new", **seconds)
    show(watched.bench)
    assert len(watched.sweep(HOUR)) == 2
    assert list(watched.posted.values())[-1].message.endswith("reminder 1 · `notifier ack disk`")


def test_the_first_alert_that_says_so_sets_the_terms_and_an_update_only_if_it_says_so(make_watched: Any) -> None:
    watched: Watched = make_watched(remind_seconds=HOUR)
    opened(watched.bench, title=KEY, update=True, progress=0, **LONG)
    assert not is_planned(watched), "a job is no trouble"
    admit(watched.bench, "trouble", **LONG)
    admit(watched.bench, "later", remind_seconds=MINUTE, **LONG)
    show(watched.bench)
    assert len(watched.sweep(HOUR - 60)) == 0
    assert len(watched.sweep(60)) == 1
    admit(watched.bench, "never", dedup_key="never", remind_seconds=0, **LONG)
    admit(watched.bench, "update", dedup_key="update", update=True, remind_seconds=HOUR, **LONG)
    assert watched.bench.redis.zcard(names.reminders) == 2


@pytest.fixture
def make_watched(make_bench: MakeBench, watched: Watched) -> Any:
    """The same with other settings."""

    def make(**overrides: Any) -> Watched:
        bench = make_bench(webhooks=watched.bench.settings.webhooks, expire_seconds=30 * DAY, **overrides)
        return Watched(bench, Reminders(bench.redis, bench.settings))

    return make


def test_both_are_due_at_once(watched: Watched) -> None:
    opened(watched.bench, escalate_after=HOUR, **HOURLY)
    watched.sweep(HOUR)
    assert watched.sweep(5) == ["🚨 Escalated: Disk full", "🔔 Still open: Disk full"]
    assert len(watched.sweep(HOUR)) == 2


def test_what_is_silenced_is_told_once_the_silence_is_over(watched: Watched) -> None:
    opened(watched.bench, escalate_after=HOUR, **HOURLY)
    silence = '{"alert_type": "", "match": {"title": "disk*"}, "until": %d, "forced": false, "id": "s"}'
    until = 1_800_000_000 + 3 * HOUR
    watched.bench.redis.hset(names.silences, "s", silence % (until * 1_000_000))
    watched.bench.redis.expire(names.silences, 600)
    for _ in range(2):
        assert watched.sweep(HOUR) == []
    watched.sweep(HOUR)
    assert len(watched.sweep(LATER_SECONDS)) > 0


def test_what_is_not_posted_yet_is_not_told_again(watched: Watched) -> None:
    admit(watched.bench, "first", **HOURLY)
    assert watched.raised(HOUR) == 0
    show(watched.bench)
    assert watched.raised(LATER_SECONDS) == 1


def test_reminders_do_not_pile_up_and_one_that_waits_is_taken_back_at_the_end(watched: Watched) -> None:
    opened(watched.bench, escalate_after=2 * HOUR, **HOURLY)
    for _ in range(10):
        watched.raised(HOUR)
    waiting = list(watched.posted.values())
    assert [each.title for each in waiting] == ["🔔 Still open: Disk full", "🚨 Escalated: Disk full"]
    admit(watched.bench, "over", resolved=True)
    watched.raised()
    assert [watched.bench.record(each.id)["status"] for each in waiting] == ["withdrawn", "withdrawn"]
    assert not is_planned(watched)


def test_the_next_one_after_one_that_was_late_is_due_as_long_after_it_was_posted(watched: Watched) -> None:
    opened(watched.bench, **HOURLY)
    assert watched.raised(HOUR) == 1
    for _ in range(10 * 60):  # held by quiet hours, or by a breaker
        assert watched.raised(MINUTE) == 1
    watched.deliver()
    assert watched.raised(2 * HOUR - 2 * MINUTE) == 1
    assert watched.raised(2 * MINUTE) == 2


@pytest.mark.parametrize("what", [What.REMIND, What.ESCALATE])
@pytest.mark.parametrize("is_raised", [False, True])
def test_a_worker_that_dies_in_between_is_followed_by_another_and_the_alert_is_one(
    watched: Watched, what: What, is_raised: bool
) -> None:
    terms = {"escalate_after": HOUR} if what is What.ESCALATE else {"remind_seconds": HOUR}
    opened(watched.bench, **terms, **LONG)
    watched.bench.tick(HOUR)
    due = watched.take()
    assert due.what is what
    if is_raised:
        client: Any = watched
        watch = ReminderWatch(watched.reminders, watched.bench.withdrawals, client, watched.bench.settings)
        watched.submit(watch._message(due))
        watched.deliver()
    assert watched.reminders.take() == [], "leased"
    assert len(watched.sweep(LEASE_SECONDS)) == 1
    assert watched.times == (2 if is_raised else 1)
    watched.reminders.done(due)  # the first was only slow
    assert len(watched.sweep(HOUR + MINUTE)) == 1
    assert len(watched.sweep(HOUR)) == (2 if what is What.REMIND else 1)


@pytest.mark.parametrize("end", [{"resolved": True}, {"acknowledged_by": "ops"}])
def test_one_that_is_ended_while_it_is_told_is_taken_back(watched: Watched, end: dict[str, Any]) -> None:
    opened(watched.bench, **HOURLY)
    watched.bench.tick(HOUR)
    due = watched.take()
    admit(watched.bench, "end", title=None, **end)
    client: Any = watched
    watch = ReminderWatch(watched.reminders, watched.bench.withdrawals, client, watched.bench.settings)
    watched.submit(watch._message(due))
    watched.reminders.done(due)
    watched.raised()
    assert watched.bench.record(due.id)["status"] == "withdrawn"
    assert len(watched.sweep(5 * HOUR)) == 1
    assert not is_planned(watched)


def test_one_that_is_done_for_an_incident_before_says_nothing_of_the_new_one(watched: Watched) -> None:
    opened(watched.bench, remind_seconds=HOUR, dedup_seconds=HOUR + 10)
    watched.bench.tick(HOUR)
    due = watched.take()
    watched.bench.tick(2 * HOUR)
    admit(watched.bench, "new", **HOURLY)
    show(watched.bench)
    watched.reminders.done(due)
    assert len(watched.sweep(HOUR)) == 1


def test_in_a_thread_it_is_told_there_and_escalated_elsewhere(watched: Watched) -> None:
    thread = "4000000000000000001"
    opened(watched.bench, thread_id=thread, escalate_after=HOUR, escalate_to="critical", **HOURLY)
    watched.sweep(HOUR)
    watched.sweep(5)
    escalated, reminded = watched.posted.values()
    assert (escalated.thread_id, reminded.thread_id) == (None, thread)


def test_it_is_told_in_no_thread_of_another_webhook(watched: Watched) -> None:
    opened(watched.bench, thread_id="4000000000000000001", **HOURLY)
    (incident,) = watched.bench.redis.zrange(names.reminders, 0, -1)
    watched.bench.redis.hset(incident, "webhook_id", OTHER_WEBHOOK.id)
    watched.sweep(HOUR)
    (reminded,) = watched.posted.values()
    assert reminded.thread_id is None


def test_one_whose_message_is_forgotten_costs_nothing(watched: Watched) -> None:
    opened(watched.bench, **HOURLY)
    (incident,) = watched.bench.redis.zrange(names.reminders, 0, -1)
    watched.bench.redis.delete(incident)
    assert watched.sweep(HOUR) == []
    assert not is_planned(watched)
