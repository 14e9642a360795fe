"""The Slack and GitHub forms of the webhook: the part of them that becomes a message."""

import json
from typing import Any

from notifier.sandbox.answer import INVALID_JSON, RefusalError

GITHUB_EVENTS = frozenset(
    {
        "commit_comment", "create", "delete", "fork", "issue_comment", "issues", "member", "public", "pull_request",
        "pull_request_review", "pull_request_review_comment", "push", "release", "watch", "check_run", "check_suite",
        "discussion", "discussion_comment",
    }
)  # fmt: skip
"""Events that become a message; others are taken and dropped (Discord docs, webhook.mdx)."""

GREEN, RED = 0x2EB886, 0xA30200
SLACK_COLORS = {"good": GREEN, "warning": 0xDAA038, "danger": RED}


def from_slack(payload: Any) -> dict[str, Any]:
    """A Slack message as a Discord payload."""
    if isinstance(payload, dict) and isinstance(payload.get("payload"), str):
        try:
            payload = json.loads(payload["payload"])
        except ValueError:
            raise RefusalError(INVALID_JSON) from None
    if not isinstance(payload, dict):
        return {}
    attachments = payload.get("attachments")
    names = {"content": "text", "username": "username", "avatar_url": "icon_url"}
    message = {ours: payload[theirs] for ours, theirs in names.items() if payload.get(theirs)}
    embeds = [_embed(each) for each in attachments if isinstance(each, dict)] if isinstance(attachments, list) else []
    return {**message, "embeds": [embed for embed in embeds if embed]}


def from_github(event: str, payload: Any) -> dict[str, Any] | None:
    """A GitHub event as a Discord payload; None: not an event that is shown."""
    if event not in GITHUB_EVENTS or not isinstance(payload, dict):
        return None
    repository, sender = payload.get("repository"), payload.get("sender")
    name = repository.get("full_name", "") if isinstance(repository, dict) else ""
    who = sender.get("login", "") if isinstance(sender, dict) else ""
    words = " ".join(part for part in (event.replace("_", " "), str(payload.get("action") or "")) if part)
    embed: dict[str, Any] = {"title": f"[{name}] {words}"[:256], "author": {"name": str(who or "GitHub")[:256]}}
    return {"username": "GitHub", "embeds": [embed]}


def _embed(attachment: dict[str, Any]) -> dict[str, Any]:
    names = {"title": "title", "url": "title_link", "description": "text"}
    embed = {ours: attachment[theirs] for ours, theirs in names.items() if attachment.get(theirs)}
    color = attachment.get("color")
    if isinstance(color, str):
        number = SLACK_COLORS.get(color)
        embed["color"] = number if number is not None else _hex(color)
    fields = attachment.get("fields")
    if isinstance(fields, list):
        embed["fields"] = [
            {"name": each.get("title"), "value": each.get("value"), "inline": bool(each.get("short"))}
            for each in fields
            if isinstance(each, dict)
        ]
    return embed


def _hex(color: str) -> int | None:
    try:
        return int(color.removeprefix("#"), 16)
    except ValueError:
        return None
