"""Sentry, GitHub Actions, Healthchecks: what goes wrong is an incident that the same program ends."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from notifier.errors import InvalidMessage
from tests.unit.intake.conftest import fields, read, taken

Body = Callable[[str], Any]
ROOT = Path(__file__).parents[3]


def test_an_issue_alert_of_sentrys_is_an_incident_by_its_issue(body: Body) -> None:
    (alert,) = read("sentry", body("sentry_issue_alert"))
    assert (alert.dedup_key, alert.resolved, alert.update) == ("sentry/issue/1117540176", False, False)
    assert (alert.title, alert.severity) == ("ReferenceError: heck is not defined", "error")
    assert alert.url == (
        "https://sentry.io/organizations/test-org/issues/1117540176/events/e4874d664c3540c1a32eab185f12c5ab/"
    )
    assert fields(alert) == {
        "Rule": "Very Important Alert Rule!", "Where": "?(<anonymous>)", "Issue": "1117540176",
    }  # fmt: skip
    assert (alert.markdown, alert.timestamp.year) == (False, 2019)


@pytest.mark.parametrize(
    ("action", "resolved", "update"),
    [
        ("created", False, True),
        ("assigned", False, True),
        ("unresolved", False, False),
        ("resolved", True, False),
        ("archived", True, False),
    ],
)
def test_what_becomes_of_an_issue_changes_its_incident(body: Body, action: str, resolved: bool, update: bool) -> None:
    (alert,) = read("sentry", {**body("sentry_issue"), "action": action})
    assert alert.dedup_key == "sentry/issue/1170820242", "the same as that of its alerts"
    assert (alert.resolved, alert.update) == (resolved, update)
    assert alert.dedup_seconds == 86_400, "few are ever resolved"
    assert fields(alert)["Issue"] == "FRONT-END-9"
    assert fields(alert)["Action"] == action


def test_a_level_of_sentrys_that_is_fatal_is_critical(body: Body) -> None:
    hook = body("sentry_issue_alert")
    hook["data"]["event"]["level"] = "fatal"
    assert read("sentry", hook)[0].severity == "critical"


def test_a_metric_alert_of_sentrys_is_an_incident_of_its_own(body: Body) -> None:
    hook = body("sentry_metric_alert")
    (over,), (began,) = read("sentry", hook), read("sentry", {**hook, "action": "critical"})
    assert over.dedup_key == began.dedup_key == "sentry/metric/4"
    assert (over.resolved, began.resolved, began.severity) == (True, False, "critical")
    assert (over.title, over.url) == ("Resolved: Too many errors", "https://sentry.io/organizations/baz/alerts/1/")


def test_what_sentrys_older_webhooks_post_is_the_same_incident() -> None:
    # as getsentry/sentry, src/sentry/plugins/sentry_webhooks/plugin.py, makes it
    hook = {
        "id": "1117540176", "project_slug": "front-end", "level": "fatal", "culprit": "?(runner)", "message": "heck",
        "url": "https://sentry.io/organizations/o/issues/1117540176/", "triggering_rules": ["R"],
        "event": {"event_id": "e4874d66", "title": "ReferenceError: heck is not defined", "level": "error"},
    }  # fmt: skip
    (alert,) = read("sentry", hook)
    assert (alert.dedup_key, alert.severity) == ("sentry/issue/1117540176", "critical")
    assert (alert.title, alert.url) == ("ReferenceError: heck is not defined", hook["url"])
    assert fields(alert)["Project"] == "front-end"


def test_other_hooks_of_sentrys_are_none() -> None:
    assert read("sentry", {"action": "created", "data": {"installation": {"uuid": "1"}}}) == []
    with pytest.raises(InvalidMessage, match=r"^action:"):
        read("sentry", {})


def run(body: Body, conclusion: str, **more: Any) -> Any:
    """A run with this conclusion."""
    event = body("github_workflow_run")
    return {**event, "workflow_run": {**event["workflow_run"], "conclusion": conclusion, **more}}


def test_a_run_of_github_actions_that_fails_opens_what_its_next_success_on_the_branch_ends(body: Body) -> None:
    (failed,), (well,) = read("github", run(body, "failure")), read("github", body("github_workflow_run"))
    assert failed.dedup_key == well.dedup_key == "github/octo-org/octo-repo/2823525/master"
    assert (failed.resolved, well.resolved) == (False, True)
    assert (failed.title, failed.severity, failed.source) == ("test #163: failure", "error", "octo-org/octo-repo")
    assert failed.message == "build(test): check workflow run event payload"
    assert failed.url == "https://github.com/octo-org/octo-repo/actions/runs/289782451"
    assert fields(failed) == {"Branch": "master", "Event": "repository_dispatch", "Commit": "3484a3fb816e"}


@pytest.mark.parametrize(
    ("conclusion", "severity"), [("timed_out", "error"), ("startup_failure", "error"), ("action_required", "warning")]
)
def test_other_bad_ends_of_a_run_are_told_too(body: Body, conclusion: str, severity: str) -> None:
    (alert,) = read("github", run(body, conclusion))
    assert (alert.title, alert.severity) == (f"test #163: {conclusion.replace('_', ' ')}", severity)


def test_the_same_branch_of_a_fork_is_another_incident(body: Body) -> None:
    (own,) = read("github", run(body, "failure"))
    (fork,) = read("github", run(body, "failure", head_repository={"full_name": "someone/octo-repo"}))
    assert fork.dedup_key == "github/octo-org/octo-repo/2823525/someone/octo-repo:master" != own.dedup_key


def test_a_second_attempt_is_another_occurrence_and_a_redelivery_none(body: Body) -> None:
    first, again, second = (
        taken("github", run(body, "failure", run_attempt=number))[0].occurrence for number in (1, 1, 2)
    )
    assert first == again != second


def test_other_events_of_githubs_are_none(body: Body) -> None:
    for other in (
        {**body("github_workflow_run"), "action": "requested"},
        run(body, "skipped"),
        {"zen": "Keep it logically awesome.", "hook_id": 1},
        {"action": "opened", "issue": {}, "repository": {"full_name": "o/r"}},
    ):
        assert read("github", other) == []
    with pytest.raises(InvalidMessage, match=r"^body:"):
        read("github", {})


def test_a_check_of_healthchecks_is_an_incident_from_down_until_up(body: Body) -> None:
    hook = body("healthchecks")
    (down,), (up,) = read("healthchecks", hook), read("healthchecks", {**hook, "status": "up"})
    assert down.dedup_key == up.dedup_key == "healthchecks/803f680d-e89b-492b-82ef-2be7b774a92d"
    assert (down.title, down.resolved, down.severity) == ("Hello World is down", False, "error")
    assert (up.title, up.resolved) == ("Hello World is up", True)
    assert down.message == "Nightly dump"
    assert fields(down) == {
        "Tags": "foo bar", "Last ping": "2026-10-31T15:05:25+00:00", "Pings": "112233", "Exit status": "123",
    }  # fmt: skip


def test_the_body_in_our_documentation_is_the_one_that_is_read(body: Body) -> None:
    hook = body("healthchecks")
    (template,) = re.findall(r'^\{"status": "\$STATUS.*\}$', (ROOT / "docs" / "intake.md").read_text(), re.MULTILINE)
    values = {f"${name.upper()}": hook[name] for name in ("status", "code", "now", "exitstatus")}
    for placeholder, value in {**values, "$JSON": json.dumps(hook["check"])}.items():
        template = template.replace(placeholder, value)
    assert json.loads(template) == hook


@pytest.mark.parametrize(
    "hook",
    [
        {"status": "down", "code": "803f", "name": "Hello"},
        {"status": "down", "name": "Hello"},
        {"status": "down", "name": "Hello", "slug": "hello", "tags": "a", "body": "Traceback", "exitstatus": "-1"},
        {"name": "Hello", "status": "down", "unique_key": "a6c7", "desc": ""},  # $JSON alone
    ],
)
def test_its_body_may_have_less(hook: dict[str, Any]) -> None:
    (alert,) = read("healthchecks", hook)
    assert (alert.title, alert.message) == ("Hello is down", hook.get("body", ""))
    assert "Exit status" not in fields(alert)


@pytest.mark.parametrize(
    ("hook", "named"),
    [
        ({"name": "N"}, "status"),
        ({"status": "$STATUS", "name": "N"}, "status"),
        ({"status": "up"}, "code"),
        ([], "body"),
    ],
)
def test_a_body_that_cannot_be_one_of_healthchecks_names_what_is_missing(hook: Any, named: str) -> None:
    with pytest.raises(InvalidMessage, match=rf"^{named}:"):
        read("healthchecks", hook)
