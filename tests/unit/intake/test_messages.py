"""Messages that were meant for Slack or Discord, and values of any kind for all."""

import contextlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from notifier.errors import InvalidMessage
from notifier.intake.reception import Posted, Reception
from notifier.intake.shapes import SHAPES
from notifier.intake.slack_text import markdown
from tests.unit.intake.conftest import fields, read

Body = Callable[[str], Any]


def test_the_blocks_of_a_message_for_slack(body: Body) -> None:
    (alert,) = read("slack", body("slack_blocks"))
    assert (
        alert.title
        == "This is a mrkdwn section block :ghost: this is bold, and this is crossed out, and this is a link"
    )
    assert (alert.url, alert.plain) == ("https://google.com", ("title",))
    assert alert.message == "Pick a date for the deadline."
    for blocks in ([], [{"type": "divider"}], [{"type": "video"}]):
        assert read("slack", {"text": "hello!", "blocks": blocks})[0].title == "hello!"


def test_the_attachments_of_a_message_for_slack(body: Body) -> None:
    (alert,) = read("slack", body("slack_attachments"))
    assert alert.title == "Optional pre-text that appears above the attachment block"
    assert alert.message == "title\nOptional `text` that appears within the attachment"
    assert (alert.colour, alert.url, alert.source) == (0x36A64F, "https://api.slack.com/", "footer")
    assert (alert.author and alert.author.name, alert.thumbnail) == ("author_name", "http://placekitten.com/g/200/200")
    assert [(each.name, each.inline) for each in alert.fields] == [
        ("A field's title", False), ("A short field's title", True),
    ]  # fmt: skip
    assert alert.timestamp.timestamp() == 123456789


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("*bold* _it_ ~gone~", "**bold** _it_ ~~gone~~"),
        ("*_both_*", "**_both_**"),
        ("<https://x.example/a_(b)|a *label*>", r"[a \*label\*](https://x.example/a_%28b%29)"),
        ("<https://x.example/?a=1&amp;b=2>", "https://x.example/?a=1&b=2"),
        ("<mailto:a@x.example|mail>", "[mail](mailto:a@x.example)"),
        ("<!here> <@U1|bob> <#C1|ops> <!subteam^S1|@team>", r"\@here @bob \#ops @team"),
        ("<!date^1392734382^{date}|2014>", "<t:1392734382:f>"),
        ("a &lt;b&gt; &amp; c", r"a \<b> & c"),
        (">quoted\n&gt; too", "> quoted\n> too"),
        ("`a*b*c` and ```x_y_z```", "`a*b*c` and ```\nx_y_z\n```"),
        ("2*3*4 snake_case_name", r"2\*3\*4 snake\_case\_name"),
        ("# no heading, [no](https://a.example), **a**", r"\# no heading, \[no\](https://a.example), \*\*a\*\*"),
        (":tada: done", ":tada: done"),
    ],
)  # fmt: skip
def test_slacks_marks_become_discords_and_all_else_is_drawn_as_it_stands(theirs: str, ours: str) -> None:
    assert markdown(theirs) == ours


def test_a_first_line_with_several_links_keeps_them() -> None:
    (alert,) = read("slack", {"text": "<https://a.example|A> and <https://b.example|B>\nmore"})
    assert (alert.title, alert.url) == ("A and B", "https://a.example")
    assert alert.message == "[A](https://a.example) and [B](https://b.example)\nmore"


def test_what_there_is_nothing_like_is_left_out_and_said() -> None:
    body = {
        "text": "T",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "Budget"}},
            {"type": "video", "title": {"text": "V"}},
            {"type": "image", "image_url": "https://x.example/i.png", "alt_text": "i"},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": "by _cron_"}]},
            {
                "type": "actions",
                "elements": [
                    {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": "https://x.example/o"},
                    {"type": "static_select", "action_id": "a"},
                ],
            },
            {
                "type": "rich_text",
                "elements": [
                    {
                        "type": "rich_text_section",
                        "elements": [
                            {"type": "text", "text": "Hello ", "style": {"bold": True}},
                            {"type": "link", "url": "https://x.example", "text": "there"},
                            {"type": "emoji", "name": "tada"},
                        ],
                    },
                    {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": "a*b"}]},
                ],
            },
        ],
    }
    (alert,) = read("slack", body)
    assert (alert.title, alert.image) == ("Budget", "https://x.example/i.png")
    assert "by _cron_" in alert.message
    assert "[there](https://x.example):tada:" in alert.message
    assert "```\na*b\n```" in alert.message
    assert fields(alert) == {"Links": "[Open](https://x.example/o)"}
    assert [each.partition(":")[0] for each in alert.adjusted] == ["blocks.video", "blocks.static_select"]


def test_a_message_for_discord_is_an_alert_for_each_embed_and_pings_nobody() -> None:
    embed = {
        "title": "Deployed",
        "description": "**v2**",
        "url": "https://example.com/2",
        "color": 65280,
        "timestamp": "2026-01-02T03:04:05Z",
        "author": {"name": "ci"},
        "footer": {"text": "prod"},
        "image": {"url": "https://example.com/i.png"},
        "fields": [{"name": "Took", "value": "5 s", "inline": True}],
    }
    whole = {"username": "CI", "content": "@everyone look", "embeds": [embed, {"title": "2"}]}
    body = {**whole, "allowed_mentions": {"parse": []}}
    first, second = read("discord", body)
    assert (first.title, first.message, first.colour, first.source) == ("Deployed", "**v2**", 65280, "prod")
    assert (first.username, first.content, second.content, second.username) == ("CI", "@everyone look", None, "CI")
    assert first.author is not None
    assert (first.author.name, first.image, second.title) == ("ci", "https://example.com/i.png", "2")
    assert (first.mentions, first.adjusted) == ((), ())
    (plain,) = read("discord", {"content": "It works\nreally"})
    assert (plain.title, plain.message) == ("It works", "really")


def test_the_rest_of_a_message_for_discord_is_kept_or_left_out_aloud() -> None:
    row = [
        {"type": 2, "style": 5, "label": "Open", "url": "https://example.com"},
        {"type": 2, "style": 1, "custom_id": "a"},
    ]
    body = {
        "content": "T",
        "flags": 4096,
        "thread_name": "Post",
        "poll": {
            "question": {"text": "Q?"},
            "answers": [{"poll_media": {"text": "A", "emoji": {"name": "✅"}}}],
            "duration": 5,
        },
        "components": [{"type": 1, "components": row}],
        "allowed_mentions": {"parse": ["everyone"]},
    }
    (alert,) = read("discord", body)
    assert (alert.silent, alert.thread_name) == (True, "Post")
    assert [(each.label, each.url) for each in alert.buttons] == [("Open", "https://example.com")]
    assert alert.poll is not None
    assert (alert.poll.question, alert.poll.answers[0].text, alert.poll.hours) == ("Q?", "A", 5)
    assert [each.partition(":")[0] for each in alert.adjusted] == ["components", "allowed_mentions"]


@pytest.mark.parametrize(
    ("shape", "body", "named"),
    [
        ("alerts", [], "body"),
        ("alerts", {"titel": "T"}, "titel"),
        ("alerts", {"alert_type": "errors"}, "alert_type"),
        ("slack", {"attachments": [1]}, "attachments"),
        ("slack", {"blocks": "x"}, "blocks"),
        ("slack", {}, "text"),
        ("slack", {"txt": "T"}, "text"),
        ("discord", {}, "content"),
        ("discord", {"content": ""}, "content"),
        ("discord", {"embeds": {}}, "embeds"),
        ("discord", {"embeds": [{}] * 11}, "embeds"),
        ("discord", {"embeds": [{"footer": "x"}]}, "footer"),
        ("discord", {"embeds": [{"fields": [1]}]}, "fields"),
        ("discord", {"content": "x", "components": [1]}, "components"),
    ],
)
def test_what_is_wrong_is_named(shape: str, body: Any, named: str) -> None:
    with pytest.raises(InvalidMessage, match=rf"^{named}:"):
        read(shape, body)


NAMES = (
    "text", "status", "commonLabels", "title", "severity", "attachments", "embeds", "alerts", "labels", "annotations",
    "truncatedAlerts", "content", "blocks", "data", "action", "workflow_run", "conclusion", "repository", "values",
    "actor", "event", "issue", "receiver", "username", "message", "metadata", "footer", "color", "groupKey", "poll",
    "fields", "fingerprint", "startsAt", "imageURL", "check", "code", "name", "flags", "components", "allowed_mentions",
    "metric_alert", "elements", "accessory", "ts", "thread_name", "type", "image", "head_commit", "workflow",
)  # fmt: skip
INSIDE: dict[str, list[Callable[[dict[str, Any]], dict[str, Any]]]] = {
    "alertmanager": [lambda each: {"alerts": [each]}],
    "sentry": [lambda each: {"action": "a", "data": {"issue": each}}, lambda each: {"data": {"metric_alert": each}}],
    "github": [lambda each: {"action": "completed", "workflow_run": {"conclusion": "failure", **each}}],
    "healthchecks": [lambda each: {"status": "up", "check": {"name": "N", **each}}],
    "slack": [
        lambda each: {"attachments": [{"text": "T", **each}]},
        *[
            lambda each, kind=kind: {"text": "T", "blocks": [{**each, "type": kind}]}  # type: ignore[misc]
            for kind in ("section", "context", "rich_text", "actions")
        ],
    ],
    "discord": [lambda each: {"embeds": [each]}, lambda each: {"content": "C", "components": [each], "poll": each}],
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("value", [1, "x", [], [None], {"a": {"b": [None]}}, "\ud800", True, 1e400])
def test_values_of_any_kind_are_read_or_named(shape: str, value: Any) -> None:
    each: list[dict[str, Any]] = [{name: value} for name in NAMES]
    for body in [*each, *(within(one) for within in INSIDE.get(shape, []) for one in each)]:
        with contextlib.suppress(InvalidMessage):
            read(shape, body)


@pytest.mark.parametrize("value", ["\ud800", "{\udfff}", "https://a.example/\ud800"])
@pytest.mark.parametrize("name", ["sentry_metric_alert", "sentry_issue", "alertmanager", "grafana", "healthchecks"])
@pytest.mark.usefixtures("alerts")
def test_half_a_character_anywhere_in_a_body_is_taken_or_named(body: Body, name: str, value: str) -> None:
    shape, given = name.split("_")[0], json.dumps(body(name))
    for each in set(re.findall(r'"([^"\\]*)"', given)):
        posted = Posted("fake-token", shape, {}, given.replace(f'"{each}"', json.dumps(value)).encode())
        with contextlib.suppress(InvalidMessage):
            Reception().take(posted)
