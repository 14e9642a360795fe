"""What an internal integration of Sentry's posts: of issue alerts, metric alerts, and issues.

(Sentry docs, Integration platform, Webhooks.)
"""

from collections.abc import Mapping
from typing import Any

from notifier.errors import InvalidMessage
from notifier.intake.given_body import Fields, Taken, details, incident, items, mapping, text

LEVELS = {"fatal": "critical", "sample": "info"}
OVER = ("resolved", "archived", "ignored")
"""Actions of an issue after which nobody is to look at it."""
CHANGES = ("created", "assigned")
"""Actions that make no further occurrence of it: an issue alert tells of those."""


ISSUE_SECONDS = 86_400
"""Ours: few issues are ever resolved in Sentry. One that comes back after so long is worth a message of its own."""


def sentry(body: Any) -> list[Taken]:
    """An issue is one incident from its first alert until it is resolved, and so is a metric alert."""
    hook = mapping(body, "body")
    data, action = mapping(hook.get("data") or {}, "data"), text(hook.get("action"))
    if data.get("metric_alert"):
        return [_metric(mapping(data["metric_alert"], "data.metric_alert"), data, action)]
    for name in ("event", "issue", "error"):
        if data.get(name):
            return [_issue(mapping(data[name], f"data.{name}"), data, action if name == "issue" else "")]
    if hook.get("event") and hook.get("url"):  # of the older integration, WebHooks, for one project
        event = mapping(hook["event"], "event")
        issue = {"title": hook.get("message"), **event, "issue_id": hook.get("id"), "web_url": hook["url"]}
        issue |= {name: hook[name] for name in ("level", "culprit") if hook.get(name)}
        rules = [text(each) for each in items(hook.get("triggering_rules"), "triggering_rules")]
        project = {"slug": hook.get("project_slug")}
        return [_issue({**issue, "project": project}, {"triggered_rule": ", ".join(rules)}, "")]
    if not action:
        raise InvalidMessage("action: expected what an integration of Sentry's posts")
    return []  # an installation, a comment


def _issue(event: Mapping[str, Any], data: Mapping[str, Any], action: str) -> Taken:
    """``action``: of a hook for issues; '' for an issue alert."""
    level, project = text(event.get("level")), event.get("project")
    number = text(event.get("issue_id")) or text(event.get("id"))
    values = {
        "Rule": data.get("triggered_rule"),
        "Where": event.get("culprit"),
        "Environment": event.get("environment"),
        "Project": project.get("slug") if isinstance(project, Mapping) else None,
        "Issue": event.get("shortId") or number,
        "Events": event.get("count"),
        "Action": action,
        "State": event.get("substatus"),
    }
    fields: Fields = {
        "title": text(event.get("title")) or "Sentry",
        "severity": LEVELS.get(level, level),
        "url": text(event.get("web_url")) or text(event.get("permalink")),
        "timestamp": text(event.get("datetime")) or text(event.get("lastSeen")),
        "fields": details(values),
        "source": "Sentry",
        "markdown": False,
        "resolved": action in OVER,
        "update": action in CHANGES,
        **incident("sentry/issue", number, seconds=ISSUE_SECONDS),
    }
    # what is posted of an issue has no id; a repetition of its last event is none that counts
    once = text(event.get("event_id")) or f"{action} {text(event.get('lastSeen'))} {text(event.get('status'))}"
    return Taken(fields, "error", once)


def _metric(alert: Mapping[str, Any], data: Mapping[str, Any], action: str) -> Taken:
    fields: Fields = {
        "title": text(data.get("description_title")) or text(alert.get("title")) or "Sentry",
        "message": text(data.get("description_text")),
        "severity": "info" if action == "resolved" else action,
        "url": text(data.get("web_url")),
        "source": "Sentry",
        "markdown": False,
        "resolved": action == "resolved",
        **incident("sentry/metric", alert.get("id") or alert.get("identifier")),
    }
    return Taken(fields, "monitoring", f"{text(alert.get('date_detected'))} {text(alert.get('date_closed'))}")
