"""The bodies that other programs post, each read as the fields of alerts.

What it says of each program's body is that program's own documentation.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from notifier.errors import InvalidMessage

ALERTS_MAX = 10
"""Ours: of a group of Alertmanager's, how many are told one by one."""
EMBEDS_MAX = 10
"""As Discord takes them (Discord docs, webhook.mdx, Execute Webhook)."""
TEXT_CHARACTERS = 100_000
"""Ours: of one text that a body is made of."""
SLACK_LINK = re.compile(r"<((?:https?|mailto):[^|<>\s]+)(?:\|([^<>]*))?>")
"""<https://…|label>, as Slack writes links (Slack docs, Formatting message text)."""
SLACK_MENTION = re.compile(r"<[!@#][^<>|]*(?:\|([^<>]*))?>")
SLACK_COLOURS = {"good": "#2EB886", "warning": "#DAA038", "danger": "#A30100"}
DISCORD_PARTS = ("title", "url", "color", "timestamp", "author", "fields")

Fields = dict[str, Any]
Shape = Callable[[Any], list[Fields]]


def own(body: Any) -> list[Fields]:
    """A ``NotificationMessage`` as JSON."""
    return [dict(_mapping(body, "body"))]


def alertmanager(body: Any) -> list[Fields]:
    """A group of alerts, as Alertmanager and Grafana post it to a webhook: one alert of ours.

    (Prometheus docs, Alertmanager configuration, webhook_config; Grafana docs, Webhook notifier.)
    """
    group = _mapping(body, "body")
    alerts = [_mapping(each, "alerts") for each in _items(group.get("alerts"), "alerts")]
    labels, notes = _texts(group.get("commonLabels")), _texts(group.get("commonAnnotations"))
    is_resolved = group.get("status") == "resolved"
    name = labels.get("alertname") or _texts(group.get("groupLabels")).get("alertname") or "Alerts"
    firing = sum(each.get("status") != "resolved" for each in alerts)
    state = f"RESOLVED:{len(alerts)}" if is_resolved else f"FIRING:{firing}"
    more = len(alerts) - ALERTS_MAX + _number(group.get("truncatedAlerts"))
    lines = [_line(each) for each in alerts[:ALERTS_MAX]] + ([f"and {more} more"] if more > 0 else [])
    summary = notes.get("summary") or notes.get("description") or ""
    links = (group.get("externalURL"), *(each.get("generatorURL") for each in alerts))
    return [
        {
            "title": group.get("title") or f"[{state}] {name}",
            "message": group.get("message") or "\n".join(filter(None, [summary, *lines])),
            "severity": "info" if is_resolved else labels.get("severity") or None,
            "url": next(filter(None, links), None),
            "fields": {key: value for key, value in labels.items() if key not in ("alertname", "severity")},
            "source": group.get("receiver") or None,
            "markdown": False,
            "metadata": {"group": group.get("groupKey"), "fingerprints": [each.get("fingerprint") for each in alerts]},
        }
    ]


def slack(body: Any) -> list[Fields]:
    """An incoming webhook's message: its text, and its attachments as texts and fields (Slack docs)."""
    message = _mapping(body, "body")
    attachments = [_mapping(each, "attachments") for each in _items(message.get("attachments"), "attachments")]
    texts = [message.get("text"), *(_block(each) for each in _items(message.get("blocks"), "blocks"))]
    fields: list[Fields] = []
    for each in attachments:
        texts += [each.get("pretext"), each.get("title"), each.get("text") or each.get("fallback")]
        fields += [_slack_field(part) for part in _items(each.get("fields"), "attachments.fields")]
    first = attachments[0] if attachments else {}
    colour = first.get("color")
    return [
        {
            "message": "\n".join(filter(None, map(_slack_text, texts))),
            "fields": fields,
            "color": SLACK_COLOURS.get(str(colour), colour),
            "url": first.get("title_link"),
            "source": message.get("username"),
            "markdown": False,
        }
    ]


def discord(body: Any) -> list[Fields]:
    """A webhook's message: an alert for each embed, and one for a content without any. It pings nobody."""
    message = _mapping(body, "body")
    content = str(message.get("content") or "")[:TEXT_CHARACTERS]
    names = {name: message.get(name) for name in ("username", "avatar_url")}
    embeds = [_mapping(each, "embeds") for each in _items(message.get("embeds"), "embeds")]
    if len(embeds) > EMBEDS_MAX:
        raise InvalidMessage(f"embeds: {EMBEDS_MAX} at most, as at Discord")
    if not embeds:
        return [{"message": content, **names}]
    return [
        {
            **names,
            **{name: each[name] for name in DISCORD_PARTS if name in each},
            "message": each.get("description"),
            "source": _mapping(each.get("footer") or {}, "footer").get("text"),
            "image": _mapping(each.get("image") or {}, "image").get("url"),
            "thumbnail": _mapping(each.get("thumbnail") or {}, "thumbnail").get("url"),
            "content": content if number == 0 else None,
        }
        for number, each in enumerate(embeds)
    ]


def sentry(body: Any) -> list[Fields]:
    """What an internal integration of Sentry's posts: of an issue alert, a metric alert, or an issue itself.

    (Sentry docs, Integration platform, Webhooks.)
    """
    hook = _mapping(body, "body")
    data = _mapping(hook.get("data") or {}, "data")
    event = _mapping(data.get("event") or data.get("issue") or {}, "data.event")
    action = str(hook.get("action") or "")
    level = {"fatal": "critical"}.get(str(event.get("level")), event.get("level"))
    values = {
        "Rule": data.get("triggered_rule"),
        "Where": event.get("culprit"),
        "Environment": event.get("environment"),
        "Issue": event.get("shortId") or event.get("issue_id"),
        "Action": action if data.get("issue") else None,
    }
    return [
        {
            "title": event.get("title") or data.get("description_title") or "Sentry",
            "message": data.get("description_text"),
            "severity": "info" if action == "resolved" else level or (action if data.get("metric_alert") else None),
            "url": event.get("web_url") or event.get("permalink") or data.get("web_url"),
            "timestamp": event.get("datetime"),
            "fields": {name: value for name, value in values.items() if value},
            "source": "Sentry",
            "markdown": False,
        }
    ]


def github(body: Any) -> list[Fields]:
    """A run of GitHub Actions that has ended and did not succeed; other events are none.

    (GitHub docs, Webhook events and payloads, workflow_run.)
    """
    event = _mapping(body, "body")
    run = _mapping(event.get("workflow_run") or {}, "workflow_run")
    conclusion = str(run.get("conclusion") or "")
    if event.get("action") != "completed" or conclusion in FINE:
        return []
    repository = _mapping(event.get("repository") or {}, "repository").get("full_name")
    values = {
        "Branch": run.get("head_branch"),
        "Event": run.get("event"),
        "By": _mapping(run.get("actor") or {}, "workflow_run.actor").get("login"),
        "Commit": str(run.get("head_sha") or "")[:12],
        "Attempt": run.get("run_attempt"),
    }
    return [
        {
            "title": f"{run.get('name') or 'A workflow'} #{run.get('run_number')}: {conclusion.replace('_', ' ')}",
            "message": run.get("display_title"),
            "severity": "warning" if conclusion in ("cancelled", "action_required") else "error",
            "url": run.get("html_url"),
            "fields": {name: value for name, value in values.items() if value},
            "source": repository,
            "markdown": False,
        }
    ]


FINE = ("", "success", "neutral", "skipped")
SHAPES: dict[str, Shape] = {
    "alerts": own,
    "alertmanager": alertmanager,
    "grafana": alertmanager,
    "sentry": sentry,
    "github": github,
    "slack": slack,
    "discord": discord,
}
"""By the last part of the address."""


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise InvalidMessage(f"{name}: expected an object, not {type(value).__name__}")
    return value


def _items(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list | None):
        raise InvalidMessage(f"{name}: expected a list, not {type(value).__name__}")
    return value or []


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _texts(value: Any) -> dict[str, str]:
    found = value if isinstance(value, Mapping) else {}
    return {str(name): str(each)[:TEXT_CHARACTERS] for name, each in found.items() if each not in (None, "")}


def _line(alert: Mapping[str, Any]) -> str:
    labels, notes = _texts(alert.get("labels")), _texts(alert.get("annotations"))
    what = notes.get("summary") or notes.get("description") or labels.get("alertname") or "alert"
    where = labels.get("instance") or labels.get("pod") or labels.get("service") or ""
    return f"{'✓' if alert.get('status') == 'resolved' else '•'} {what}{f' ({where})' if where else ''}"


def _block(value: Any) -> str:
    """The text of a block: a header's or section's own, and its fields'."""
    block = _mapping(value, "blocks")
    parts = [block.get("text"), *_items(block.get("fields"), "blocks.fields")]
    parts += _items(block.get("elements"), "blocks.elements") if block.get("type") == "context" else []
    texts = [part.get("text") for part in parts if isinstance(part, Mapping)]
    return "\n".join(each for each in texts if isinstance(each, str))


def _slack_field(value: Any) -> Fields:
    part = _mapping(value, "attachments.fields")
    return {
        "name": _slack_text(part.get("title")),
        "value": _slack_text(part.get("value")),
        "inline": part.get("short"),
    }


def _slack_text(value: Any) -> str:
    text = "" if value is None else str(value)[:TEXT_CHARACTERS]
    text = SLACK_LINK.sub(lambda found: f"{found[2]} ({found[1]})" if found[2] else found[1], text)
    text = SLACK_MENTION.sub(lambda found: found[1] or found[0].strip("<>!"), text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()
