"""What programs post again of what still goes on is no repeat."""

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from notifier.errors import BrokerUnavailable, InvalidMessage, QueueFull
from notifier.intake import alert_group, occurrences, reception
from notifier.intake.occurrences import SAME_SECONDS
from notifier.intake.reception import Posted, Reception
from notifier.intake.seen_requests import RETRY_SECONDS, KeyReused
from notifier.models import AlertType, NotificationMessage
from notifier.testing import Alerts

BEGAN, LATER, OVER = "2026-10-31T15:00:00Z", "2026-10-31T16:00:00Z", "2026-10-31T15:30:00Z"
Group = Callable[..., list[str]]


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


def alert(status: str = "firing", starts: str = BEGAN, ends: str = "", summary: str = "down", **labels: str) -> Any:
    """An alert of Alertmanager's."""
    notes = {"summary": summary}
    return {
        "status": status,
        "labels": labels,
        "annotations": notes,
        "startsAt": starts,
        "endsAt": ends,
        "fingerprint": "f1",
    }


def posted(*alerts: Any, kind: str = "", **headers: str) -> Posted:
    """A request of it."""
    return Posted("fake-token", "alertmanager", headers, json.dumps({"alerts": alerts}).encode(), kind)


def told(alerts: Alerts) -> list[str]:
    """What was submitted since the last look: a repeat, an update or a resolution, with its text."""
    found = [
        f"{'resolve' if each.resolved else 'update' if each.update else 'repeat'} {each.message}"
        for each in alerts.sent
    ]
    alerts.clear()
    return found


def test_what_still_fires_is_no_repeat_and_a_new_text_of_it_is_an_update(alerts: Alerts, clock: Clock) -> None:
    desk = Reception(clock)
    first = desk.take(posted(alert())).ids
    again = desk.take(posted(alert())).ids
    assert first == again
    assert told(alerts) == ["repeat down"]
    assert desk.take(posted(alert(summary="down for an hour"))).ids != first, "Redis takes an id once"
    assert told(alerts) == ["update down for an hour"]
    desk.take(posted(alert()))
    assert told(alerts) == ["update down"], "it is told as it was at first"
    clock.now += SAME_SECONDS
    desk.take(posted(alert()))
    assert told(alerts) == ["update down"], "its message may be gone, or a silence over"
    desk.take(posted(alert(starts=LATER)))
    assert told(alerts) == ["repeat down"]


def test_a_resolution_is_told_once_and_what_fires_again_is_another_occurrence(alerts: Alerts, clock: Clock) -> None:
    desk = Reception(clock)
    for _ in range(2):
        desk.take(posted(alert("resolved", ends=OVER)))
    assert told(alerts) == ["resolve down"]
    desk.take(posted(alert(starts=LATER)))
    assert told(alerts) == ["repeat down"]
    known = desk.take(posted(alert(starts=LATER))).ids
    desk.take(posted(alert("resolved", starts=LATER, ends=LATER)))
    assert desk.take(posted(alert(starts=LATER))).ids != known
    assert told(alerts) == ["resolve down", "repeat down"], "it was said to be over too early"


def test_another_process_gives_the_same_occurrence_the_same_id(alerts: Alerts) -> None:
    first, again = (Reception().take(posted(alert())).ids for _ in range(2))
    other = Reception().take(posted(alert(starts=LATER))).ids
    elsewhere = Reception().take(posted(alert(), kind="error")).ids
    assert first == again
    assert len({*first, *other, *elsewhere}) == 3
    assert len(told(alerts)) == 4


def test_what_was_not_admitted_is_taken_when_it_is_posted_again(
    alerts: Alerts, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    desk, submit = Reception(clock), reception.submit

    def refuse(_: NotificationMessage) -> None:
        raise QueueFull("full")

    monkeypatch.setattr(reception, "submit", refuse)
    with pytest.raises(QueueFull):
        desk.take(posted(alert()))
    monkeypatch.setattr(reception, "submit", submit)
    desk.take(posted(alert()))
    assert told(alerts) == ["repeat down"]


def test_none_of_a_body_is_taken_if_a_part_is_wrong(alerts: Alerts) -> None:
    with pytest.raises(ValueError, match=r"^alerts:"):
        Reception().take(posted(alert(), "x"))
    with pytest.raises(ValueError, match=r"^alert_type:"):
        Reception().take(posted(alert(), kind="errors"))
    alerts.assert_none_sent()


def test_a_type_in_the_address_wins_over_the_usual_one(alerts: Alerts) -> None:
    Reception().take(posted(alert(severity="critical")))
    Reception().take(posted(alert(severity="critical"), kind="security"))
    assert [each.alert_type for each in alerts.sent] == ["critical", "security"]


def test_a_usual_type_without_a_webhook_is_general(alerts: Alerts, monkeypatch: pytest.MonkeyPatch) -> None:
    known = SimpleNamespace(webhooks={AlertType.CRITICAL: "a webhook"})
    pipeline = SimpleNamespace(settings=known, client=reception.client_pipeline().client)
    monkeypatch.setattr(reception, "client_pipeline", lambda: pipeline)
    for severity in ("critical", "warning"):
        Reception().take(posted(alert(severity=severity)))
    Reception().take(posted(alert(severity="warning"), kind="monitoring"))
    assert [each.alert_type for each in alerts.sent] == ["critical", "general", "monitoring"]


def test_what_is_remembered_is_bounded(alerts: Alerts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(occurrences, "KEPT_MAX", 2)
    desk = Reception()
    for number in ("f1", "f2", "f3", "f1"):
        desk.take(posted({**alert(), "fingerprint": number}))
    assert len(told(alerts)) == 4, "the first is forgotten; its id tells that it is known"


def test_how_many_are_left_of_a_group_is_over_with_it(alerts: Alerts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alert_group, "FIRING_MAX", 1)
    desk, other = Reception(), {**alert(), "fingerprint": "f2"}
    desk.take(posted(alert()))
    assert told(alerts) == ["repeat down"], "of a group that is told whole, there is nothing to end"
    desk.take(posted(alert(), other))
    assert told(alerts) == ["update 1 more alert of this group not told one by one."]
    for _ in range(2):
        desk.take(posted(alert()))
    assert told(alerts) == ["resolve "]


def test_a_key_of_another_request_is_refused_for_its_alert_would_be_lost(alerts: Alerts) -> None:
    desk, key = Reception(), {"Idempotency-Key": "order-5"}
    with pytest.raises(InvalidMessage):
        desk.take(posted("x", **key))
    first = desk.take(posted(alert(), **key)).ids
    assert desk.take(posted(alert(), **key)).ids == first, "what was refused has used no key"
    with pytest.raises(KeyReused, match=r"^Idempotency-Key:"):
        desk.take(posted(alert(starts=LATER), **key))
    other = replace(posted(alert(starts=LATER), **key), token="fake-token-2")
    assert desk.take(other).ids != first


def test_a_request_that_was_refused_half_way_is_taken_once_if_it_is_sent_again(
    alerts: Alerts, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    desk, submit, tried = Reception(clock), reception.submit, []
    embeds = Posted("fake-token", "discord", {}, b'{"embeds": [{"title": "1"}, {"title": "2"}]}')

    def refuse_second(message: NotificationMessage) -> None:
        tried.append(message.id)
        if len(tried) % 2 == 0:
            raise BrokerUnavailable("its answer was lost", maybe_stored=True)

    monkeypatch.setattr(reception, "submit", refuse_second)
    for pause in (0, 1, RETRY_SECONDS + 1):
        clock.now += pause
        with pytest.raises(BrokerUnavailable):
            desk.take(embeds)
    assert tried[:2] == tried[2:4], "Redis takes an id once"
    assert set(tried[:2]).isdisjoint(tried[4:]), "later it is another message with the same text"
    monkeypatch.setattr(reception, "submit", submit)
    assert desk.take(embeds).ids == tried[4:]
    assert set(desk.take(embeds).ids).isdisjoint(tried), "what was taken whole is over"
    assert len(alerts.sent) == 4


def test_of_another_address_it_is_another_request(alerts: Alerts, monkeypatch: pytest.MonkeyPatch) -> None:
    desk, tried = Reception(), []

    def refuse(message: NotificationMessage) -> None:
        tried.append(message.id)
        raise QueueFull("full")

    monkeypatch.setattr(reception, "submit", refuse)
    for kind, token in (("", "a"), ("error", "a"), ("", "b")):
        with pytest.raises(QueueFull):
            desk.take(Posted(token, "slack", {}, b'{"text": "T"}', kind))
    assert len(set(tried)) == 3


def test_a_check_that_is_told_twice_of_one_moment_is_no_repeat(alerts: Alerts) -> None:
    desk = Reception()
    for now in (BEGAN, BEGAN, LATER):
        body = json.dumps({"code": "c1", "status": "down", "now": now}).encode()
        desk.take(Posted("fake-token", "healthchecks", {}, body))
    assert len(alerts.sent) == 2
