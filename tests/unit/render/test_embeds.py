"""One notification is one embed; nothing of it is lost, and what is cut says so."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings

from notifier.colours import OURS as COLOURS
from notifier.models import AlertType, NotificationMessage, Severity
from notifier.render.batch import compose
from notifier.render.embeds import content_of, render_embed
from tests.unit.render.discord_rules import violations
from tests.unit.render.messages import messages

GUIDE_EXAMPLE = json.loads("""
{
  "embeds": [{
    "title": "🎵 Tracklist Generated",
    "description": "Successfully generated tracklist for recording",
    "color": 3066993,
    "fields": [
      {
        "name": "Recording",
        "value": "Artist - Mix Title",
        "inline": true
      },
      {
        "name": "Tracks",
        "value": "15",
        "inline": true
      }
    ],
    "timestamp": "2024-01-01T12:00:00Z",
    "footer": {
      "text": "Tracklist Service"
    }
  }]
}
""")


def alert(**more: Any) -> NotificationMessage:
    return NotificationMessage(**{"id": "a1", "title": "T", "timestamp": "2024-01-01T12:00:00Z", **more})


def test_the_guides_example_comes_out_field_for_field() -> None:
    message = NotificationMessage(
        alert_type=AlertType.TRACKLIST,
        title="🎵 Tracklist Generated",
        message="Successfully generated tracklist for recording",
        fields=[
            {"name": "Recording", "value": "Artist - Mix Title", "inline": True},
            {"name": "Tracks", "value": 15, "inline": True},
        ],
        timestamp=datetime(2024, 1, 1, 12, tzinfo=UTC),
        source="Tracklist Service",
    )
    assert compose([message]).body["embeds"] == GUIDE_EXAMPLE["embeds"]
    assert list(compose([message]).body["embeds"][0]) == list(GUIDE_EXAMPLE["embeds"][0])


def test_what_is_empty_is_left_out() -> None:
    assert set(render_embed(alert()).embed) == {"title", "color", "timestamp"}


def test_a_url_makes_the_title_a_link() -> None:
    assert render_embed(alert(url="https://one.invalid/x")).embed["url"] == "https://one.invalid/x"


@pytest.mark.parametrize(
    ("more", "colour"),
    [
        ({"alert_type": "general"}, COLOURS["green"]),
        ({"alert_type": "monitoring"}, COLOURS["yellow"]),
        ({"alert_type": "error"}, COLOURS["red"]),
        ({"alert_type": "error", "severity": Severity.WARNING}, COLOURS["yellow"]),
        ({"alert_type": "error", "severity": "info", "color": 0}, 0),
    ],
)
def test_the_colour_is_the_given_one_or_the_severitys_or_the_types(more: dict[str, Any], colour: int) -> None:
    assert render_embed(alert(**more)).embed["color"] == colour


@pytest.mark.parametrize(
    ("given_time", "told"),
    [
        ("2024-01-01T12:00:00Z", "2024-01-01T12:00:00Z"),
        ("2024-01-01T12:00:00", "2024-01-01T12:00:00Z"),
        ("2024-01-01T12:00:00.250000Z", "2024-01-01T12:00:00.250000Z"),
        ("2024-01-01T01:30:00+05:30", "2023-12-31T20:00:00Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_a_timestamp_is_shown_in_utc(given_time: str, told: str) -> None:
    assert render_embed(alert(timestamp=given_time)).embed["timestamp"] == told


LONG_FIELD = {"name": "N", "value": "v" * 1024}


@pytest.mark.parametrize(
    ("fitting", "too_long"),
    [
        ({"title": "t" * 256}, {"title": "t" * 257}),
        ({"message": "m" * 4096}, {"message": "m" * 4097}),
        ({"source": "s" * 2048}, {"source": "s" * 2049}),
        ({"fields": [{"name": "n" * 256, "value": "v"}]}, {"fields": [{"name": "n" * 257, "value": "v"}]}),
        ({"fields": [{"name": "n", "value": "v" * 1024}]}, {"fields": [{"name": "n", "value": "v" * 1025}]}),
        ({"fields": {str(n): "v" for n in range(25)}}, {"fields": {str(n): "v" for n in range(26)}}),
        (
            {"fields": [LONG_FIELD] * 5, "message": "m" * (6000 - 1 - 5 * 1025)},
            {"fields": [LONG_FIELD] * 5, "message": "m" * (6001 - 1 - 5 * 1025)},
        ),
    ],
    ids=["title", "message", "source", "field name", "field value", "fields", "all together"],
)
def test_text_is_cut_one_character_after_the_limit_and_says_where_the_rest_is(
    fitting: dict[str, Any], too_long: dict[str, Any]
) -> None:
    assert render_embed(alert(**fitting)).whole is None
    cut = render_embed(alert(**too_long))
    assert cut.whole is not None
    assert f"the whole alert is in the file `{cut.file_name}`" in cut.embed["description"]


def test_of_many_fields_the_first_are_shown_in_order() -> None:
    cut = render_embed(alert(fields={str(number): "v" for number in range(40)}))
    assert [field["name"] for field in cut.embed["fields"]] == [str(number) for number in range(25)]
    assert cut.whole is not None
    assert "39:\nv" in cut.whole


TRACEBACK = (
    "Traceback (most recent call last):\n"
    + "".join(f'  File "a.py", line {n}, in f{n}\n    f{n + 1}()\n' for n in range(200))
    + "ValueError: the disk is full"
)
LOG = "\n".join(f"2024-01-01 12:00:{n % 60:02} INFO line {n}" for n in range(300))
SOURCE = "\n".join(f"def f{n}():\n    return {n}\n" for n in range(300))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (TRACEBACK, "t-a1.py"),
        (LOG, "t-a1.log"),
        (SOURCE, "t-a1.py"),
        (json.dumps({"rows": [{"id": n, "name": "x"} for n in range(400)]}), "t-a1.json"),
        (f"```json\n{json.dumps(list(range(3000)))}\n```", "t-a1.json"),
        ("\n".join(json.dumps({"level": "info", "n": n}) for n in range(400)), "t-a1.log"),
        ("Lorem ipsum, and so on. " * 300, "t-a1.txt"),
        ("{" + "x" * 5000 + "}", "t-a1.txt"),
        ("[" * 100_000 + "]" * 100_000, "t-a1.txt"),
    ],
    ids=["traceback", "log", "source", "JSON", "JSON in a code block", "JSON lines", "prose", "braces", "deep"],
)
def test_the_file_is_named_by_what_a_text_is_and_holds_all_of_it(text: str, name: str) -> None:
    text = text.strip()
    rendered = render_embed(alert(message=text, fields={"host": "db1"}))
    assert rendered.file_name == name
    assert text.removeprefix("```json\n").removesuffix("\n```") in (rendered.whole or "")
    assert rendered.embed["fields"][0]["value"] == "db1"
    if name.endswith("json"):
        assert json.loads(rendered.whole or "")
    else:
        assert rendered.whole == text or name.endswith("txt")
    assert f"is in the file `{name}`" in rendered.embed["description"]


def test_what_is_cut_beside_the_text_is_in_the_file_too() -> None:
    rendered = render_embed(alert(message=LOG, fields={"command": "c" * 2_000}))
    assert rendered.file_name == "t-a1.txt"
    assert [part for part in (LOG, "c" * 2_000) if part not in (rendered.whole or "")] == []


def test_source_and_link_are_named_in_the_file_and_the_source_is_cut_in_the_footer() -> None:
    message = alert(message="m" * 5_000, source="s" * 3_000, url="https://a.invalid/b")
    payload = compose([message])
    assert violations(payload) == []
    (embed,), (file,) = payload.body["embeds"], payload.files
    assert embed["footer"] == {"text": "s" * 2_047 + "…"}
    assert f"\n\nSource: {'s' * 3_000}\n\nURL: https://a.invalid/b\n\nTime: " in file.content.decode()


@pytest.mark.parametrize(
    "given_as",
    [
        {"message": TRACEBACK},
        {"message": f"The nightly job failed:\n```py\n{TRACEBACK}\n```"},
        {"message": "The nightly job failed.", "traceback": TRACEBACK},
        {"message": "m" * 5_000, "traceback": TRACEBACK},
        {"message": "m" * 5_000, "traceback": "ValueError: the disk is full", "fields": {"a": "b" * 1_000}},
        {"message": TRACEBACK, "fields": [LONG_FIELD] * 5},
        {"message": TRACEBACK.replace("\n", "\r\n")},
    ],
    ids=["text", "code block", "traceback", "long text too", "long text alone", "and fields", "CR LF"],
)
def test_of_a_traceback_the_end_is_in_view(given_as: dict[str, Any]) -> None:
    rendered = render_embed(alert(**given_as))
    description = rendered.embed["description"]
    assert "ValueError: the disk is full" in description[-40:]
    assert "is in the file `t-a1." in description
    assert description.count("```") % 2 == 0
    assert "traceback" not in given_as or description.startswith(given_as["message"][:100])
    assert [text for text in given_as.values() if isinstance(text, str) and text not in (rendered.whole or "")] == []


def test_a_traceback_is_drawn_as_code_that_it_does_not_end() -> None:
    embed = render_embed(alert(message="m", traceback="a\n```b```")).embed
    assert embed["description"] == "m\n\n```py\na\n`\u200b``b`\u200b``\n```"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Disk full on db1!", "disk-full-on-db1-a1.txt"),
        ("Größe: 5 %", "groe-5-a1.txt"),
        ("磁盘已满", "alert-a1.txt"),
        ("../../etc/passwd", "etc-passwd-a1.txt"),
        ("x" * 300, f"{'x' * 40}-a1.txt"),
        (f"{'x' * 39} y", f"{'x' * 39}-a1.txt"),
    ],
)
def test_the_name_of_the_file_tells_the_alert(title: str, name: str) -> None:
    assert render_embed(alert(title=title, message="x " * 3_000)).file_name == name


def test_a_content_that_just_fits_is_whole() -> None:
    room = 2_000 - len(content_of(alert(message="m", suppress_embeds=True)))
    fits, cut = (content_of(alert(message="m" * (room + more), suppress_embeds=True)) for more in (1, 2))
    assert (len(fits), fits.count("m") - cut.count("m") > 10, "is in the file" in fits) == (2_000, True, False)
    assert "is in the file" in cut


def test_long_fields_leave_room_for_the_beginning_of_the_text() -> None:
    embed = render_embed(alert(message="word " * 2_000, fields=[LONG_FIELD] * 9)).embed
    assert len(embed["description"]) > 900
    assert len(embed["fields"]) == 5


def test_spaces_around_a_text_do_not_count() -> None:
    assert render_embed(alert(title=f"  {'t' * 256}\n", message=f"\x1f{'m' * 4096}\x1f")).whole is None


def test_code_points_count_and_not_bytes() -> None:
    assert render_embed(alert(title="🎵" * 256)).whole is None
    assert render_embed(alert(title="🎵" * 257)).whole is not None


@pytest.mark.parametrize("blank", ["\x1f", "\x1c\x1d"])
def test_a_text_that_discord_finds_empty_is_not_sent(blank: str) -> None:
    embed = render_embed(alert(title=blank, fields={blank: blank}, source=blank)).embed
    assert [embed["title"], *embed["fields"][0].values()] == ["General", "–", "–", False]
    assert "footer" not in embed


@given(messages())
@pytest.mark.slow
def test_nothing_is_lost(message: NotificationMessage) -> None:
    """Each text is in the embed as it is, or all of them are in the file."""
    rendered = render_embed(message)
    texts = [message.title, message.message, *(text for field in message.fields for text in (field.name, field.value))]
    texts += [message.source or "", message.url or ""]
    time = rendered.embed["timestamp"]
    if rendered.whole is not None:
        assert [text for text in [*texts, time] if text not in rendered.whole] == []
        file = compose([message]).files[0]
        assert file.content.decode("utf-8") == rendered.whole
        assert file.name in rendered.embed["description"]
    else:
        embed = rendered.embed
        shown = [embed["title"], embed.get("description", "")]
        shown += [field[part] for field in embed.get("fields", []) for part in ("name", "value")]
        shown += [embed.get("footer", {}).get("text", ""), embed.get("url", "")]
        assert [text.strip() or "\u200b" for text in texts if text] == [text for text in shown if text]


def test_the_longest_notification_makes_a_file_that_discord_takes() -> None:
    """The model bounds a notification to 8 MiB as JSON, and its file has less in it."""
    symbol = "🎵"
    fields = [{"name": symbol * 1000, "value": symbol * 10_000} for _ in range(92)]
    message = alert(message=symbol * 1_000_000, fields=fields, title=symbol * 10_000, source=symbol * 10_000)
    size = len(compose([message]).files[0].content)
    assert 8_000_000 < size <= len(message.model_dump_json().encode()) <= 8 * 2**20 < 10 * 2**20


@given(messages())
@settings(max_examples=50, deadline=None)
def test_a_file_is_never_larger_than_the_notification_as_json(message: NotificationMessage) -> None:
    whole = render_embed(message).whole or ""
    assert len(whole.encode()) <= len(message.model_dump_json().encode())
