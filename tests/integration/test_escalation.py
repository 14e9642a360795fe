"""An incident is escalated once, to whom it is kept up to date, whatever dies in between."""

import pytest

from notifier.errors import QueueFull
from notifier.outbox.reminders import LEASE_SECONDS, What
from tests.integration.incidents import admit, opened, show
from tests.integration.reminding import (
    CRITICAL,
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


def test_it_is_escalated_once_with_all_that_its_message_shows(watched: Watched) -> None:
    fields = {"message": "/var", "fields": {"Used": "97 %"}, "escalate_to": "critical, role:123"}
    opened(watched.bench, escalate_after=HOUR, **fields, **LONG)
    assert watched.sweep(HOUR) == ["🚨 Escalated: Disk full"]
    (message,) = watched.posted.values()
    assert (message.alert_type, message.mentions, message.message) == (CRITICAL, ("<@&123>",), "/var")
    assert [each.name for each in message.fields] == ["Used", "Open"]
    admit(watched.bench, "over", resolved=True)
    watched.sweep(MINUTE)
    admit(watched.bench, "again", escalate_after=HOUR, **fields, **LONG)
    for _ in range(5):
        watched.sweep(HOUR)
    assert [each.title for each in watched.posted.values() if not each.resolved] == ["🚨 Escalated: Disk full"]
    assert (watched.times, is_planned(watched)) == (2, False), "it is told the resolution"


def escalated(watched: Watched) -> dict[str, str]:
    """What is known of the incident that is escalated to another type."""
    (digest,) = watched.bench.redis.zrange(names.incidents(CRITICAL), 0, -1)
    return watched.bench.redis.hgetall(names.incident(CRITICAL, digest))


def test_the_message_of_an_escalation_tells_who_takes_care_of_it_and_that_it_is_over(watched: Watched) -> None:
    opened(watched.bench, escalate_after=HOUR, escalate_to="critical", **LONG)
    watched.sweep(HOUR)
    admit(watched.bench, "ack", acknowledged_by="ops", acknowledged_why="new disk")
    for _ in range(3):
        watched.sweep(MINUTE)
    assert (escalated(watched)["acknowledged_by"], escalated(watched)["state"]) == ("ops", "open")
    due = watched.times
    admit(watched.bench, "over", resolved=True)
    for _ in range(3):
        watched.sweep(MINUTE)
    assert (escalated(watched)["state"], watched.times) == ("resolved", due + 1)
    (message_id,) = {record["message_id"] for record in map(watched.bench.record, watched.posted)}
    assert (message_id, is_planned(watched)) == ("950", False)


def test_a_resolution_that_comes_while_the_acknowledgement_is_told_is_told_too(watched: Watched) -> None:
    opened(watched.bench, escalate_after=HOUR, escalate_to="critical", **LONG)
    watched.sweep(HOUR)
    admit(watched.bench, "ack", acknowledged_by="ops")
    due = watched.take()
    admit(watched.bench, "over", resolved=True)
    watched.reminders.done(due)
    watched.sweep(MINUTE)
    assert escalated(watched)["state"] == "resolved"


@pytest.mark.parametrize("is_acknowledged", [False, True])
def test_an_escalation_is_over_with_its_incident(watched: Watched, is_acknowledged: bool) -> None:
    terms = {"escalate_after": HOUR, "escalate_to": "critical", "dedup_seconds": 2 * HOUR}
    opened(watched.bench, **terms)
    watched.sweep(HOUR)
    if is_acknowledged:
        admit(watched.bench, "ack", acknowledged_by="ops")
        watched.sweep()
    admit(watched.bench, "again", **terms)
    watched.sweep(HOUR + MINUTE)
    watched.sweep()
    assert escalated(watched)["state"] == "open", "it came again"
    for _ in range(3):
        watched.sweep(HOUR)
    assert escalated(watched)["state"] == "resolved"
    assert (list(watched.posted.values())[-1].content or "").startswith("Nobody has resolved it")
    assert not is_planned(watched)


def test_an_escalation_that_is_taken_back_posts_nothing_of_its_end(watched: Watched) -> None:
    opened(watched.bench, escalate_after=HOUR, escalate_to="critical", **LONG)
    watched.raised(HOUR)
    admit(watched.bench, "over", resolved=True)
    watched.raised()
    assert watched.times == 1
    assert watched.bench.outbox.depth(CRITICAL) == 0
    assert not is_planned(watched)


def test_mentions_alone_are_escalated_to_in_its_own_channel_and_the_default_is_critical(watched: Watched) -> None:
    opened(watched.bench, escalate_after=HOUR, escalate_to=["@here"], **LONG)
    admit(watched.bench, "other", dedup_key="other", escalate_after=HOUR, **LONG)
    show(watched.bench)
    watched.sweep(HOUR)
    found = {(each.alert_type, each.mentions) for each in watched.posted.values()}
    assert found == {(GENERAL, ("@here",)), (CRITICAL, ())}


def test_an_escalation_is_the_same_one_whatever_reminders_came_meanwhile(watched: Watched) -> None:
    opened(watched.bench, escalate_after=HOUR, remind_seconds=HOUR - MINUTE, **LONG)
    watched.bench.tick(HOUR - MINUTE)
    late = watched.take()
    watched.bench.tick(MINUTE)
    before = watched.take()
    watched.reminders.done(late)
    watched.bench.tick(LEASE_SECONDS)
    after = watched.take()
    assert (late.what, before.what, after.what) == (What.REMIND, What.ESCALATE, What.ESCALATE)
    assert (before.number, after.number) == (1, 2)
    assert before.id == after.id


def test_one_that_finds_a_full_outbox_holds_up_no_other_and_is_raised_later(watched: Watched) -> None:
    watched.full = frozenset({CRITICAL})
    opened(watched.bench, escalate_after=HOUR - MINUTE, **LONG)
    admit(watched.bench, "other", dedup_key="other", **HOURLY)
    show(watched.bench)
    watched.bench.tick(HOUR)
    with pytest.raises(QueueFull):
        watched.sweep()
    assert [each.title for each in watched.posted.values()] == ["🔔 Still open: Disk full"]
    watched.full = frozenset()
    assert len(watched.sweep(LEASE_SECONDS)) == 2


def test_a_long_key_is_one_key_all_the_same(watched: Watched) -> None:
    for end in "ab":
        admit(watched.bench, end, dedup_key="k" * 990 + end, escalate_after=HOUR, escalate_to="critical", **LONG)
        show(watched.bench)
    watched.sweep(HOUR)
    assert watched.bench.redis.zcard(names.incidents(CRITICAL)) == 2
    assert {each.adjusted for each in watched.posted.values()} == {()}


def test_a_new_incident_with_the_same_key_is_escalated_by_a_message_of_its_own(watched: Watched) -> None:
    for name in ("old", "new"):
        admit(watched.bench, name, escalate_after=HOUR, escalate_to="critical", **LONG)
        show(watched.bench)
        watched.sweep(HOUR)
        admit(watched.bench, f"{name} over", resolved=True)
        watched.sweep(HOUR)
    keys = [each.dedup_key for each in watched.posted.values()]
    assert len(keys) == 4
    assert keys[0] == keys[1] != keys[2] == keys[3]
