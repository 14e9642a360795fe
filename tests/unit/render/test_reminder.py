"""What tells again of an incident stands by itself, and what escalates it shows all of it."""

from typing import Any

import pytest

from notifier.models import NotificationMessage
from notifier.outbox.payload import SINCE
from notifier.render.batch import compose
from notifier.render.incident import IncidentState
from notifier.render.reminder import OF_THE_INCIDENT, escalation, reminder
from tests.unit.render.discord_rules import violations

STATE = IncidentState(title="Disk full", count=37, opened_at=1_800_000_000, last_at=1_800_000_600)
LINK = "https://discord.com/channels/1/2/3"
PINGS = [f"<@{number}>" for number in range(1, 90)]
OWN: dict[str, Any] = {"id": "one", "alert_type": "critical"}


def drawn(message: NotificationMessage) -> dict[str, Any]:
    payload = compose([message])
    (embed,) = payload.body["embeds"]
    return dict(embed)


def test_a_reminder_says_how_often_since_when_where_and_how_to_end_it() -> None:
    message = reminder(STATE, {"title": "Disk full", "message": "/var"}, OWN, key="disk/db 1", number=2, link=LINK)
    embed = drawn(message)
    assert embed["title"] == "🔔 Still open: Disk full"
    assert embed["description"] == (
        "since <t:1800000000:f> (<t:1800000000:R>) · × 37, last <t:1800000600:t> · [its message](https://discord.com/channels/1/2/3)\n"
        "-# reminder 2 · `notifier ack 'disk/db 1'`"
    )
    assert message.metadata == {"incident": "disk/db 1", "reminder": 2}


def test_a_title_that_is_plain_stays_plain_and_a_key_ends_no_code() -> None:
    for shown in ({"title": "*a*", "plain": ["title"]}, {"title": "*a*", "markdown": False}):
        embed = drawn(reminder(STATE, shown, OWN, key="a`b", number=1, link=None))
        assert embed["title"] == r"🔔 Still open: \*a\*"
        assert "a\N{MODIFIER LETTER GRAVE ACCENT}b" in embed["description"]
    assert drawn(reminder(STATE, {"title": "*a*"}, OWN, key="k", number=1, link=None))["title"].endswith("*a*")


def test_an_escalation_has_all_parts_but_those_of_the_incident_and_its_channel() -> None:
    shown = NotificationMessage(
        title="Disk full",
        message="/var",
        source="db1",
        severity="error",
        fields={"Used": "97 %"},
        thread_id="123456789012345678",
        dedup_key="k",
        remind_seconds=60,
        progress=0.5,
        silent=True,
        image="a.png",
        thumbnail="https://example.com/a.png",
        mentions=["@here"],
        files=[("a.png", b"a")],
    ).model_dump(mode="json", exclude_defaults=True, exclude={"id", "files"})
    message = escalation(STATE, shown, OWN, key="k", mentions=["<@&123>"], link=LINK)
    assert (message.message, message.source, message.severity, message.image) == ("/var", "db1", "error", None)
    assert (message.thumbnail, message.mentions) == ("https://example.com/a.png", ("<@&123>", "@here"))
    assert (message.thread_id, message.dedup_key, message.progress, message.silent) == (None, None, None, False)
    assert [each.name for each in message.fields] == ["Used", "Open"]
    assert message.adjusted == ()
    assert drawn(message)["title"] == "🚨 Escalated: Disk full"


def test_whatever_is_said_of_an_incident_is_no_part_of_what_escalates_it() -> None:
    about = {name for name, since in SINCE.items() if since >= 3} - {"acknowledged_by", "acknowledged_why"}
    assert about - {"resolved", "update", "if_not_open"} <= set(OF_THE_INCIDENT)


@pytest.mark.parametrize("title", ["x" * 5_000, "*" * 300, "ü😀" * 400])
def test_both_are_within_discords_limits_whatever_the_incident_shows(title: str) -> None:
    shown = {"title": title, "message": title * 3, "fields": [{"name": title, "value": title}] * 25}
    for message in (
        reminder(STATE, shown, OWN, key=title[:1_000], number=20, link=LINK),
        escalation(STATE, shown, OWN, key=title[:1_000], mentions=PINGS, link=LINK),
    ):
        assert violations(compose([message])) == []
