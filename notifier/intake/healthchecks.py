"""Healthchecks: its webhook integration posts a body that its user writes, with placeholders (ours: docs/intake.md).

(Healthchecks, Webhook integration, "Supported Placeholders"; the fields of $JSON: its API, Get a Single Check.)
"""

from typing import Any

from notifier.errors import InvalidMessage
from notifier.intake.given_body import Fields, Taken, details, incident, mapping, text


def healthchecks(body: Any) -> list[Taken]:
    """A check is one incident from ``down`` until ``up``."""
    given = mapping(body, "body")
    check = {**mapping(given.get("check") or {}, "check"), **{name: given[name] for name in given if name != "check"}}
    status = text(check.get("status"))
    if status not in ("up", "down"):
        raise InvalidMessage("status: expected up or down, as $STATUS is")
    name, slug = text(check.get("name")) or text(check.get("slug")), text(check.get("slug"))
    code = text(check.get("code")) or text(check.get("uuid")) or text(check.get("unique_key")) or slug or name
    if not code:
        raise InvalidMessage("code: expected $CODE, or a name: it tells this check from others")
    exit_status = text(check.get("exitstatus"))
    values = {
        "Tags": check.get("tags"),
        "Last ping": check.get("last_ping"),
        "Pings": check.get("n_pings"),
        "Exit status": exit_status if exit_status != "-1" else "",  # it has said none
        "Schedule": check.get("schedule"),
    }
    fields: Fields = {
        "title": f"{name or code} is {status}",
        "message": "\n".join(filter(None, [text(check.get("desc")), text(check.get("body"))])),
        "severity": "info" if status == "up" else "error",
        "url": text(check.get("url")),
        "timestamp": text(check.get("now")),
        "fields": details(values),
        "source": "Healthchecks",
        "markdown": False,
        "resolved": status == "up",
        **incident("healthchecks", code),
    }
    return [Taken(fields, "monitoring", text(check.get("now")) or None)]
