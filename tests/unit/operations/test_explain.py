"""Each event of an alert is told in words, in order; what is not final says what it waits for."""

import json
from typing import Any

import pytest

from notifier.errors import NotificationNotFound
from notifier.models import NotificationMessage
from notifier.operations.explain import explain
from notifier.outbox.record import Record, record
from notifier.outcome import Status
from notifier.storage.keys import Keys

SECOND = 1_000_000
START = 1_800_000_000 * SECOND
MESSAGE = NotificationMessage(id="a", title="T")


class Redis:
    """Stands in for Redis: one notification, its outboxes' wait logs by type, and the time."""

    def __init__(self, found: dict[str, Any], logs: dict[str, list[Any]], seconds: int) -> None:
        self._found, self._logs, self._seconds = found, logs, seconds

    def hgetall(self, _: str) -> dict[str, Any]:
        """The notification."""
        return self._found

    def hget(self, key: str, _: str) -> str | None:
        """A wait log."""
        found = [log for kind, log in self._logs.items() if f":{kind}:" in key]
        return json.dumps(found[0]) if found else None

    def zscore(self, *_: str) -> None:
        """None is under way."""

    def time(self) -> tuple[int, int]:
        """Now."""
        return START // SECOND + self._seconds, 0


def told(
    *events: dict[str, Any],
    ended: Record | None = None,
    logs: dict[str, list[Any]] | None = None,
    message: NotificationMessage = MESSAGE,
    **found: Any,
) -> list[str]:
    """The steps; ``at`` of an event: seconds after the admission."""
    trail = [{**event, "at": START + event["at"] * SECOND} for event in events]
    stored = {
        "admitted_at": str(START),
        "message": message.model_dump_json(warnings=False),
        "trail": json.dumps(trail),
        **found,
    }
    parts: Any = (Redis(stored, logs or {}, 100), Keys(), type("Records", (), {"get": lambda *_: ended})())
    steps = explain(*parts, "a")
    assert [step.at for step in steps] == sorted(step.at for step in steps)
    return [step.what for step in steps]


def final(status: Status = Status.DELIVERED, **more: Any) -> Record:
    return record(MESSAGE, status, admitted_at="", finished_at="2027-01-15T08:00:00+00:00", **more)


@pytest.mark.parametrize(
    ("event", "says"),
    [
        ({"step": "batch", "with": 0, "waited": {}}, "carried"),
        ({"step": "batch", "with": 1, "waited": {}}, "carried with 1 other"),
        ({"step": "batch", "with": 2, "waited": {}}, "carried with 2 others"),
        ({"step": "refused", "reason": "queue_full"}, "refused: queue full"),
        ({"step": "blocked", "reason": "webhook_quarantined"}, "held back: webhook quarantined"),
        ({"step": "abandoned"}, "its worker was lost with the request under way"),
        (
            {"step": "retry_later", "reason": "bad_gateway", "detail": "HTTP 503", "wait": 2 * SECOND},
            "bad gateway (HTTP 503); again in 2 s",
        ),
        ({"step": "failover", "reason": "webhook_unknown", "to": "error"}, "webhook unknown; goes to error"),
        ({"step": "requeue", "reason": "rate_limited"}, "rate limited; again as soon as the gate lets it"),
        ({"step": "retry", "reason": "bad_gateway", "wait": SECOND}, "bad gateway; again in 1 s"),
        ({"step": "reroute", "reason": "webhook_unknown", "to": "error"}, "webhook unknown; goes to error"),
        ({"step": "again", "reason": "rate_limited"}, "rate limited; again as soon as the gate lets it"),
    ],
)
def test_each_event_is_told_in_words_also_those_of_version_0_1(event: dict[str, Any], says: str) -> None:
    assert told({"at": 1, **event}, ended=final()) == ['admitted as general: "T"', says]


def test_waits_that_matter_are_told_before_the_batch_that_ended_them() -> None:
    waited = {"rate_limited": 3 * SECOND, "breaker_open": SECOND // 100}
    assert told({"at": 4, "step": "batch", "with": 0, "waited": waited}, ended=final())[1:] == [
        "had waited 3 s: rate limited",
        "carried",
    ]


def test_an_end_says_where_the_message_is_or_why_there_is_none() -> None:
    delivered = final(message_id="1", channel_id="2", guild_id="3")
    assert (
        told({"at": 1, "step": "end", "status": "delivered"}, ended=delivered)[-1] == f"delivered: {delivered['link']}"
    )
    dead = final(Status.REJECTED, reason="invalid_payload")
    event = {"at": 1, "step": "end", "status": "rejected", "detail": "HTTP 400"}
    assert told(event, ended=dead)[-1] == "rejected: invalid payload (HTTP 400)"


def test_what_waits_says_since_when_and_for_what() -> None:
    assert (
        told(logs={"general": [[START + 40 * SECOND, "rate_limited"]]})[-1] == "still waiting, for 1 min: rate limited"
    )
    assert told()[-1] == "still waiting, for 1 min: no worker has come for it"


def test_what_was_moved_waits_for_what_its_new_outbox_waits_for() -> None:
    moved = {"at": 1, "step": "failover", "reason": "webhook_unknown", "to": "error"}
    logs = {"general": [[START, "webhook_quarantined"]], "error": [[START + 90 * SECOND, "breaker_open"]]}
    assert told(moved, logs=logs)[-1] == "still waiting, for 10 s: breaker open"


def test_only_the_last_wait_counts_and_none_from_before_its_own_last_step() -> None:
    logs = {"general": [[START, "rate_limited"], [START + 70 * SECOND, "breaker_open"]]}
    assert told(logs=logs)[-1] == "still waiting, for 30 s: breaker open"
    requeued = {"at": 95, "step": "requeue", "reason": "rate_limited"}
    assert told(requeued, logs=logs)[-1] == "still waiting, for 5 s: breaker open"


def test_time_on_a_disk_comes_first() -> None:
    assert told(spooled=str(120 * SECOND), ended=final())[:3] == [
        "spooled by its caller: broker unavailable",
        "handed over after 2 min",
        'admitted as general: "T"',
    ]


def test_a_replay_names_its_original_and_a_dead_letter_what_became_of_it() -> None:
    replay = NotificationMessage(id="a", title="T", metadata={"replay_of": "b"})
    assert told(message=replay)[0] == "replay of b"
    later = str(START + 50 * SECOND)
    assert told(ended=final(), taken_out_at=later, replayed_as="c")[-1] == "replayed as c"
    assert told(ended=final(), taken_out_at=later, dropped="1")[-1] == "dropped from the dead letters"


def test_one_that_no_outbox_took_says_why() -> None:
    refused = final(Status.QUEUE_FULL, reason="queue_full", detail="100 are waiting")
    parts: Any = (Redis({}, {}, 0), Keys(), type("Records", (), {"get": lambda *_: refused})())
    assert [step.what for step in explain(*parts, "a")] == ["refused: queue full (100 are waiting)"]


def test_an_id_that_nobody_knows_is_an_error() -> None:
    parts: Any = (Redis({}, {}, 0), Keys(), type("Records", (), {"get": lambda *_: None})())
    with pytest.raises(NotificationNotFound, match="'a'"):
        explain(*parts, "a")


def test_what_a_later_version_wrote_is_told_as_far_as_it_is_known() -> None:
    steps = told(
        {"at": 1, "step": "requeue", "reason": "newer_version"},
        {"at": 2, "step": "parked", "reason": "of_the_future", "detail": "why"},
        {"at": 3, "step": "weighed"},
        message=MESSAGE.model_copy(update={"alert_type": "of_the_future"}),
    )
    assert steps[0] == 'admitted as of_the_future: "T"'
    assert steps[1:4] == [
        "left to a worker of a later version: this one could not read it",
        "parked: of the future (why)",
        "weighed",
    ]


def test_the_life_of_its_incident_is_told_in_order() -> None:
    life = {"reminder": "r", "reminders": "2", "reminded_at": str(START + 60 * SECOND)}
    life |= {"escalation": "e", "escalated_at": str(START + 30 * SECOND)}
    life |= {"acknowledged_by": "ops", "acknowledged_at": str(START + 45 * SECOND)}
    message = NotificationMessage(id="a", title="T", dedup_key="disk")
    assert told(message=message, logs={}, **life)[1:4] == [
        "its incident was escalated by e",
        "its incident was acknowledged by ops",
        "reminder 2 of its incident: r",
    ]


@pytest.mark.parametrize(("now", "where"), [({}, "that is to come"), ({"message_id": "7"}, "7"), ({"link": "L"}, "L")])
def test_one_that_was_counted_names_the_message_that_was_posted_afterwards(now: dict[str, str], where: str) -> None:
    message = NotificationMessage(id="a", title="T", dedup_key="disk")
    steps = told(message=message, ended={**final(Status.REPEATED), "message": message.model_dump(mode="json")}, **now)
    assert steps[1] == f"counted in the message of its incident: {where}"
