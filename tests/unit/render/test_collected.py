"""Discord takes the one message of alerts that were collected, and nothing of them is lost in it."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.models import NotificationMessage, Severity
from notifier.plain_text import plain
from notifier.render.batch import Payload
from notifier.render.collected import TITLES_SHOWN, Collected, CollectedBy, compose_collected
from notifier.render.ornaments import refused_by_form
from tests.unit.render.discord_markdown import draw, stripped_of_what_is_not_seen
from tests.unit.render.discord_rules import violations
from tests.unit.render.messages import messages, texts

FIVE_MINUTES = Collected(CollectedBy.GROUPING, 1_800_000_000, 1_800_000_300)


def alert(title: str = "Tracklist ready", **more: Any) -> NotificationMessage:
    return NotificationMessage(**{"title": title, "timestamp": "2024-01-01T12:00:00Z", **more})


def collected(alerts: list[NotificationMessage], notes: list[str] | None = None, **more: Any) -> Payload:
    left_out = [refused_by_form(each) for each in alerts]
    return compose_collected(alerts, FIVE_MINUTES, notes or [""] * len(alerts), left_out, **more)


def file_of(payload: Payload) -> str:
    (file,) = payload.files
    return file.content.decode()


def test_what_fits_is_shown_as_it_is_below_a_line_that_counts() -> None:
    alerts = [*(alert(message=f"{number}") for number in range(5)), *(alert("Tracklist failed") for _ in range(2))]
    payload = collected(alerts)
    assert payload.body["content"] == "7 alerts in 5 min: 5 × Tracklist ready, 2 × Tracklist failed"
    assert [each["title"] for each in payload.body["embeds"]] == [each.title for each in alerts]
    assert (payload.files, payload.stands_for_all) == ((), False)
    assert violations(payload) == []


def test_what_a_later_version_collects_for_another_reason_is_counted() -> None:
    later = Collected("later", 1_800_000_000, 1_800_000_300)
    payload = compose_collected([alert(), alert()], later, ["", ""], [(), ()])
    assert payload.body["content"] == "2 alerts: 2 × Tracklist ready"


@pytest.mark.parametrize(
    "alerts",
    [
        [alert(message=f"text {number}") for number in range(11)],
        [alert(message=f"{number} " + "x" * 3_000) for number in range(3)],
        [alert(message="long " * 2_000), alert()],
    ],
    ids=["more than ten", "more than 6,000 characters", "one that has a file"],
)
def test_what_does_not_fit_is_one_embed_and_a_file_that_has_all_of_it(alerts: list[NotificationMessage]) -> None:
    payload = collected(alerts)
    (embed,) = payload.body["embeds"]
    assert embed["title"] == f"{len(alerts)} alerts in 5 min"
    assert f"**{len(alerts)} × Tracklist ready**" in embed["description"]
    assert payload.files[0].name in embed["description"], "it says where all of it is"
    assert payload.stands_for_all
    whole = file_of(payload)
    assert all(each.message in whole for each in alerts)
    assert violations(payload) == []


def test_one_that_stands_for_all_has_the_time_of_the_newest_and_a_source_that_all_have() -> None:
    times = [f"2024-01-01T12:{minute:02}:00Z" for minute in (3, 9, *range(10, 20), 1)]
    same = [alert(timestamp=each, source="db1") for each in times]
    (embed,) = collected(same).body["embeds"]
    assert embed["timestamp"].startswith("2024-01-01T12:19:00")
    assert "db1" in embed["footer"]["text"]
    (embed,) = collected([*same, alert(source="db2")]).body["embeds"]
    assert "db" not in embed.get("footer", {}).get("text", "")


def test_the_newest_text_of_each_title_is_shown_and_the_most_frequent_come_first() -> None:
    alerts = [alert("rare", message="rare text"), *(alert(message=f"text {number}") for number in range(12))]
    said = collected(alerts).body["embeds"][0]["description"]
    assert said.startswith("**12 × Tracklist ready**\ntext 11\n\n**1 × rare**\nrare text\n\n")


def test_long_texts_leave_room_for_each_title() -> None:
    alerts = [alert(f"title {number:02}", message="long " * 1_000) for number in range(TITLES_SHOWN)]
    said = collected(alerts).body["embeds"][0]["description"]
    assert [title for title in (each.title for each in alerts) if title not in said] == []


def test_titles_beyond_those_that_are_shown_are_counted() -> None:
    alerts = [alert(f"title {number:03}") for number in range(500)]
    payload = collected(alerts)
    assert f"{500 - TITLES_SHOWN} × {500 - TITLES_SHOWN} other titles" in payload.body["embeds"][0]["description"]
    assert payload.body["content"].endswith("1 × title 004, 495 × others")
    assert all(each.title in file_of(payload) for each in alerts)


def test_the_worst_decides_the_colour_and_only_if_all_are_silent_it_is() -> None:
    alerts = [alert(severity=Severity.INFO, silent=True) for _ in range(11)]
    worst = alert(severity=Severity.ERROR, silent=True)
    payload = collected([*alerts, worst])
    assert payload.body["embeds"][0]["color"] == worst.colour
    assert payload.body["flags"] == 1 << 12
    assert "flags" not in collected([*alerts, alert()]).body


def test_text_from_outside_draws_as_it_stands_and_pings_nobody() -> None:
    hostile = "@everyone **not bold** https://evil.invalid `"
    for first in (None, False):
        drawn = draw(collected([alert(hostile, markdown=first), alert(hostile)]).body["content"])
        assert stripped_of_what_is_not_seen(drawn.text) == f"2 alerts in 5 min: 2 × {hostile}"
        assert (drawn.marks, drawn.links) == ([], []), "a link would be previewed"
    assert collected([alert(hostile)] * 11).body["allowed_mentions"] == {"parse": []}


def test_what_the_type_pings_stands_before_the_line() -> None:
    for count in (2, 12):
        body = collected([alert(mentions=["<@&123>"]), *[alert()] * (count - 1)]).body
        assert body["content"] == f"<@&123> {count} alerts in 5 min: {count} × Tracklist ready"
        assert body["allowed_mentions"] == {"parse": [], "roles": ["123"]}


def test_a_code_block_that_a_text_leaves_open_takes_in_nothing_else() -> None:
    alerts = [alert("a", message="```\nopen"), *(alert(f"b{number}", message="```x```") for number in range(10))]
    said = collected(alerts).body["embeds"][0]["description"]
    assert plain("```\nopen") in said


def test_links_of_pictures_are_in_the_file() -> None:
    alerts = [alert(image=f"https://pictures.invalid/{number}.png") for number in range(11)]
    assert "Image: https://pictures.invalid/10.png" in file_of(collected(alerts))


def test_a_note_is_in_the_footer_and_a_forum_gets_a_name() -> None:
    payload = collected([alert()] * 12, ["", "may be a duplicate", *[""] * 10], in_forum=True)
    assert payload.body["embeds"][0]["footer"]["text"] == "may be a duplicate"
    assert payload.body["thread_name"] == "12 alerts in 5 min"


@settings(max_examples=50)
@given(st.data())
@pytest.mark.slow
def test_discord_takes_any_group(data: st.DataObject) -> None:
    kind = messages(username=None, avatar_url=None, thread_id=None, mentions=(), message=texts)
    few = data.draw(st.lists(kind, min_size=2, max_size=3))
    alerts = few * data.draw(st.sampled_from([1, 2, 7]))
    notes = [data.draw(st.sampled_from(["", "n" * 200]))] * len(alerts)
    payload = collected(alerts, notes)
    assert violations(payload) == []
    if payload.stands_for_all:
        assert all(each.message in file_of(payload) for each in alerts)
