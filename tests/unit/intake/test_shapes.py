"""The bodies of other programs' documentation, retold: what of them an alert says."""

import contextlib
from typing import Any

import pytest

from notifier.errors import InvalidMessage
from notifier.intake.shapes import SHAPES
from notifier.models import NotificationMessage

FIRING = {
    "version": "4",
    "groupKey": '{}/{alertname="InstanceDown"}:{severity="critical"}',
    "truncatedAlerts": 2,
    "status": "firing",
    "receiver": "ops",
    "groupLabels": {"alertname": "InstanceDown"},
    "commonLabels": {"alertname": "InstanceDown", "job": "javaapp", "severity": "critical"},
    "commonAnnotations": {"summary": "Instances are down"},
    "externalURL": "http://alertmanager.example.org:9093",
    "alerts": [
        {
            "status": "firing" if number else "resolved",
            "labels": {"alertname": "InstanceDown", "instance": f"db{number}:9200"},
            "annotations": {"summary": f"db{number} of job *javaapp* is down"},
            "startsAt": "2026-10-31T15:15:25.84136864Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://prometheus.example.org:9090/graph?g0.expr=up",
            "fingerprint": f"50a7edff2fb8ef{number:02}",
        }
        for number in range(12)
    ],
}


def read(shape: str, body: Any) -> list[NotificationMessage]:
    """The alerts of a body."""
    return [NotificationMessage(**each) for each in SHAPES[shape](body)]


def test_a_group_of_alertmanagers_is_one_alert() -> None:
    (alert,) = read("alertmanager", FIRING)
    assert (alert.title, alert.severity, alert.source) == ("[FIRING:11] InstanceDown", "critical", "ops")
    lines = alert.message.splitlines()
    assert lines[:2] == ["Instances are down", "✓ db0 of job *javaapp* is down (db0:9200)"]
    assert lines[2] == "• db1 of job *javaapp* is down (db1:9200)"
    assert lines[-1] == "and 4 more", "two that are not shown, and two that Alertmanager has left out"
    assert {each.name: each.value for each in alert.fields} == {"job": "javaapp"}
    assert alert.url == "http://alertmanager.example.org:9093"
    assert alert.markdown is False
    assert alert.metadata["fingerprints"][0] == "50a7edff2fb8ef00"


def test_a_group_that_is_over_is_green() -> None:
    (alert,) = read("alertmanager", {**FIRING, "status": "resolved", "alerts": FIRING["alerts"][:1]})
    assert (alert.title, alert.severity) == ("[RESOLVED:1] InstanceDown", "info")


def test_what_grafana_has_written_itself_is_kept() -> None:
    body = {**FIRING, "title": "[FIRING:1] High memory usage (blue)", "message": "**Firing**\nValue: B=44", "orgId": 1}
    (alert,) = read("grafana", body)
    assert (alert.title, alert.message) == ("[FIRING:1] High memory usage (blue)", "**Firing**\nValue: B=44")


def test_an_issue_alert_of_sentrys() -> None:
    event = {
        "title": "ReferenceError: heck is not *defined*",
        "culprit": "render(app)",
        "level": "fatal",
        "environment": "production",
        "web_url": "https://sentry.example.io/organizations/test-org/issues/1117540176/events/e4/",
        "issue_id": "1117540176",
        "datetime": "2026-08-19T21:06:17.403000Z",
    }
    (alert,) = read(
        "sentry", {"action": "triggered", "data": {"event": event, "triggered_rule": "Very important rule"}}
    )
    assert (alert.title, alert.severity, alert.url) == (event["title"], "critical", event["web_url"])
    assert {each.name: each.value for each in alert.fields} == {
        "Rule": "Very important rule", "Where": "render(app)", "Environment": "production", "Issue": "1117540176",
    }  # fmt: skip
    assert (alert.markdown, alert.timestamp.year) == (False, 2026)


@pytest.mark.parametrize(
    ("action", "severity"), [("critical", "critical"), ("warning", "warning"), ("resolved", "info")]
)
def test_a_metric_alert_of_sentrys(action: str, severity: str) -> None:
    data = {
        "metric_alert": {"id": "4", "alert_rule": {}},
        "description_title": "Critical: Too many errors",
        "description_text": "1000 events in the last 10 minutes",
        "web_url": "https://sentry.example.io/organizations/test-org/alerts/4/",
    }
    (alert,) = read("sentry", {"action": action, "data": data})
    assert (alert.title, alert.message) == ("Critical: Too many errors", "1000 events in the last 10 minutes")
    assert (alert.severity, alert.url) == (severity, data["web_url"])


def test_an_issue_of_sentrys_says_what_became_of_it() -> None:
    issue = {"title": "KeyError", "level": "error", "shortId": "SHOP-17", "permalink": "https://sentry.example.io/17/"}
    (alert,) = read("sentry", {"action": "resolved", "data": {"issue": issue}})
    assert (alert.title, alert.severity, alert.url) == ("KeyError", "info", issue["permalink"])
    assert {each.name: each.value for each in alert.fields} == {"Issue": "SHOP-17", "Action": "resolved"}


def test_a_run_of_github_actions_is_an_alert_if_it_did_not_succeed() -> None:
    run = {
        "name": "CI",
        "run_number": 562,
        "run_attempt": 1,
        "event": "push",
        "head_branch": "main",
        "head_sha": "acb5820ced9479c074f688cc328bf03f341a511d",
        "display_title": "Update README.md",
        "conclusion": "timed_out",
        "html_url": "https://github.com/octo-org/octo-repo/actions/runs/30433642",
        "actor": {"login": "octocat"},
    }
    body = {"action": "completed", "workflow_run": run, "repository": {"full_name": "octo-org/octo-repo"}}
    (alert,) = read("github", body)
    assert (alert.title, alert.message, alert.severity) == ("CI #562: timed out", "Update README.md", "error")
    assert (alert.url, alert.source) == (run["html_url"], "octo-org/octo-repo")
    assert {"Branch": "main", "By": "octocat", "Commit": "acb5820ced94"}.items() <= {
        each.name: each.value for each in alert.fields
    }.items()
    for other in (
        {**body, "workflow_run": {**run, "conclusion": "success"}},
        {**body, "action": "requested", "workflow_run": {**run, "conclusion": None}},
        {"zen": "Keep it logically awesome.", "hook_id": 1},
    ):
        assert read("github", other) == []


def test_a_message_for_slack() -> None:
    body = {
        "text": "New ticket from <https://tickets.example.com/1|Andrea &amp; Lucio>, <!here>",
        "username": "tickets",
        "attachments": [
            {
                "fallback": "not shown",
                "color": "danger",
                "title": "Ticket #1943",
                "title_link": "https://tickets.example.com/1943",
                "text": "a < b",
                "fields": [{"title": "Priority", "value": "High", "short": True}],
            }
        ],
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "Budget"}},
            {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Left*: 5"}]},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": "by cron"}]},
            {"type": "divider"},
        ],
    }
    (alert,) = read("slack", body)
    assert alert.title == "New ticket from Andrea & Lucio (https://tickets.example.com/1), here"
    assert alert.message.splitlines() == ["Budget", "*Left*: 5", "by cron", "Ticket #1943", "a < b"]
    assert (alert.colour, alert.source) == (0xA30100, "tickets")
    assert [(each.name, each.value, each.inline) for each in alert.fields] == [("Priority", "High", True)]


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
    first, second = read("discord", {"username": "CI", "content": "@everyone look", "embeds": [embed, {"title": "2"}]})
    assert (first.title, first.message, first.colour, first.source) == ("Deployed", "**v2**", 65280, "prod")
    assert (first.username, first.content, second.content) == ("CI", "@everyone look", None)
    assert first.author is not None
    assert (first.author.name, first.image, second.title) == ("ci", "https://example.com/i.png", "2")
    assert first.mentions == ()
    (plain,) = read("discord", {"content": "It works\nreally"})
    assert (plain.title, plain.message) == ("It works", "really")


@pytest.mark.parametrize(
    ("shape", "body", "named"),
    [
        ("alerts", [], "body"),
        ("alerts", {"titel": "T"}, "titel"),
        ("alerts", {"alert_type": "errors"}, "alert_type"),
        ("alertmanager", {"alerts": {}}, "alerts"),
        ("alertmanager", {"alerts": ["a"]}, "alerts"),
        ("slack", {"attachments": [1]}, "attachments"),
        ("slack", {"blocks": "x"}, "blocks"),
        ("discord", {"embeds": {}}, "embeds"),
        ("discord", {"embeds": [{}] * 11}, "embeds"),
        ("discord", {"embeds": [{"footer": "x"}]}, "footer"),
    ],
)
def test_what_is_wrong_is_named(shape: str, body: Any, named: str) -> None:
    with pytest.raises(InvalidMessage, match=rf"^{named}:"):
        read(shape, body)


NAMES = (
    "text", "status", "commonLabels", "title", "severity", "attachments", "embeds", "alerts",
    "truncatedAlerts", "content", "blocks", "data", "action", "workflow_run", "conclusion", "repository",
    "actor", "event", "issue", "receiver", "username", "message", "metadata", "footer", "color", "groupKey",
    "fields",
)  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("value", [None, 1, "x", [], [None], {"a": {"b": [None]}}, "\ud800"])
def test_values_of_any_kind_are_read_or_named(shape: str, value: Any) -> None:
    outer: list[dict[str, Any]] = [{name: value} for name in NAMES]
    inner = [{part: [each]} for part in ("attachments", "alerts", "embeds", "blocks") for each in outer]
    inner += [{"action": "completed", part: each} for part in ("data", "workflow_run") for each in outer]
    for body in outer + inner:
        with contextlib.suppress(InvalidMessage):
            read(shape, body)
