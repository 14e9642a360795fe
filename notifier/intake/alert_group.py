"""Alertmanager and Grafana: a group of alerts, of which each is an incident by its fingerprint.

(Prometheus docs, Alertmanager configuration, webhook_config; Grafana docs, Webhook notifier.)
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from notifier.counting import counted
from notifier.errors import InvalidMessage
from notifier.given_severity import SEVERITIES
from notifier.intake.given_body import Fields, Taken, details, incident, items, links, mapping, text, texts
from notifier.message_parts import Severity

FIRING_MAX = 50
RESOLVED_MAX = 1_000
"""Ours: of the alerts of one body, how many are told one by one: half an outbox. Each resolved one ends a message."""
PLACES = ("instance", "pod", "service", "host", "node")
TOLD_ELSEWHERE = ("alertname", "severity", "summary", "description", "message", "runbook_url")
NO_TIME = "0001-01-01T00:00:00Z"
"""A time that there is not, as Go writes it."""


def alertmanager(body: Any) -> list[Taken]:
    """A group of Alertmanager's."""
    return _group(body, "alertmanager")


def grafana(body: Any) -> list[Taken]:
    """A group of Grafana's: the same, with links of its own, values and a picture."""
    return _group(body, "grafana")


def _group(body: Any, program: str) -> list[Taken]:
    group = mapping(body, "body")
    if not (alerts := [mapping(each, "alerts") for each in items(group.get("alerts"), "alerts")]):
        raise InvalidMessage("alerts: expected a list of alerts")
    firing = [each for each in alerts if each.get("status") != "resolved"]
    resolved = [each for each in alerts if each.get("status") == "resolved"]
    told = [*resolved[:RESOLVED_MAX], *firing[:FIRING_MAX]]
    left = len(alerts) - len(told) + _number(group.get("truncatedAlerts"))
    return [*(_alert(each, group, program) for each in told), _rest(group, program, max(left, 0))]


def _alert(alert: Mapping[str, Any], group: Mapping[str, Any], program: str) -> Taken:
    labels, notes = texts(alert.get("labels")), texts(alert.get("annotations"))
    is_resolved = alert.get("status") == "resolved"
    key = text(alert.get("fingerprint")) or _fingerprint(labels)
    where = next((labels[each] for each in PLACES if each in labels), "")
    starts, ends = text(alert.get("startsAt")), text(alert.get("endsAt"))
    said = [notes.get("summary"), notes.get("description") or notes.get("message")]
    fields: Fields = {
        "title": f"{labels.get('alertname') or 'Alert'}{f' ({where})' if where else ''}",
        "message": "\n".join(dict.fromkeys(filter(None, said))),
        "severity": labels.get("severity"),
        "url": text(alert.get("generatorURL")) or text(group.get("externalURL")),
        "fields": [*_details(alert, labels, notes), *_links(alert, group, labels, notes, program)],
        "timestamp": starts if starts != NO_TIME else None,
        "image": alert.get("imageURL") if isinstance(alert.get("imageURL"), str) else None,
        "source": text(group.get("receiver")),
        "markdown": False,
        "metadata": {"group": text(group.get("groupKey")), "fingerprint": key},
        "resolved": is_resolved,
        **incident(program, key),
    }
    return Taken(fields, _usual_type(labels), f"{starts} {ends}" if is_resolved else starts)


def _details(alert: Mapping[str, Any], labels: dict[str, str], notes: dict[str, str]) -> list[Fields]:
    """Labels, other annotations, and the values that Grafana has measured."""
    found = {**labels, **notes}
    shown = {name: found[name] for name in found if name not in TOLD_ELSEWHERE and not name.startswith("__")}
    if values := texts(alert.get("values")):
        shown["Values"] = ", ".join(f"{name} = {value}" for name, value in values.items())
    elif value := text(alert.get("valueString")):
        shown["Values"] = value
    return details(shown)


def _links(
    alert: Mapping[str, Any], group: Mapping[str, Any], labels: dict[str, str], notes: dict[str, str], program: str
) -> list[Fields]:
    silence = alert.get("silenceURL")
    if program == "alertmanager" and (place := text(group.get("externalURL"))) and labels:
        matchers = ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
        silence = f"{place.rstrip('/')}/#/silences/new?filter={quote('{' + matchers + '}', safe='')}"
    return links(
        Runbook=notes.get("runbook_url"),
        Dashboard=alert.get("dashboardURL"),
        Panel=alert.get("panelURL"),
        Silence=silence if alert.get("status") != "resolved" else None,
    )


def _rest(group: Mapping[str, Any], program: str, count: int) -> Taken:
    """How many are left. None: those of before are told one by one, or are over."""
    name = texts(group.get("groupLabels")).get("alertname") or texts(group.get("commonLabels")).get("alertname")
    fields: Fields = {
        "title": f"{name or 'A group of alerts'}: {count} more" if count else name or "A group of alerts",
        "message": f"{counted(count, 'more alert')} of this group not told one by one." if count else "",
        "url": text(group.get("externalURL")),
        "source": text(group.get("receiver")),
        "markdown": False,
        "update": bool(count),
        "resolved": not count,
        **incident(program, "group", text(group.get("groupKey")), seconds=None),
    }
    return Taken(fields, _usual_type(texts(group.get("commonLabels"))), str(count), if_open=not count)


def _usual_type(labels: dict[str, str]) -> str:
    is_critical = SEVERITIES.get(labels.get("severity", "").lower()) is Severity.CRITICAL
    return "critical" if is_critical else "monitoring"


def _fingerprint(labels: dict[str, str]) -> str:
    """In place of one that is not given: alerts with the same labels are the same one."""
    return hashlib.sha256(json.dumps(labels, sort_keys=True).encode()).hexdigest()[:16]


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
