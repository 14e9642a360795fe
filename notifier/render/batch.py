"""Notifications that share one request: how much each takes, who may ride with whom, and the payload."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from notifier.models import NotificationMessage
from notifier.render.embeds import characters, file_name, render_embed


@dataclass(frozen=True, slots=True)
class Load:
    """What one notification takes of a request. Those of the same ``share`` may ride together; '' rides alone."""

    embeds: int
    characters: int
    share: str


@dataclass(frozen=True, slots=True)
class File:
    """A file that travels with a message."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Payload:
    """One request's content, before it is addressed."""

    body: dict[str, Any]
    files: tuple[File, ...] = ()
    thread_id: str | None = None


def measure(message: NotificationMessage) -> Load:
    """What a notification takes, and whom it may ride with: same thread, name, avatar and pings; without a file.

    Embeds of one URL are merged by Discord (message.mdx), so a notification with a URL rides alone too.
    """
    rendered = render_embed(message)
    alone = rendered.whole is not None or message.url is not None
    company = json.dumps([message.thread_id, message.username, message.avatar_url, message.mentions])
    share = "" if alone else hashlib.sha256(company.encode()).hexdigest()[:12]
    return Load(1, characters(rendered.embed), share)


def compose(messages: Sequence[NotificationMessage]) -> Payload:
    """The payload of notifications that may share a request, in order."""
    first = messages[0]
    rendered = [render_embed(message) for message in messages]
    body: dict[str, Any] = {
        "embeds": [each.embed for each in rendered],
        "allowed_mentions": _allowed(first.mentions),
    }
    if first.mentions:
        body["content"] = " ".join(first.mentions)
    if first.username:
        body["username"] = first.username
    if first.avatar_url:
        body["avatar_url"] = first.avatar_url
    files = tuple(
        File(file_name(message), each.whole.encode())
        for message, each in zip(messages, rendered, strict=True)
        if each.whole is not None
    )
    if files:
        body["attachments"] = [{"id": number, "filename": file.name} for number, file in enumerate(files)]
    return Payload(body, files, first.thread_id)


def _allowed(mentions: Sequence[str]) -> dict[str, list[str]]:
    allowed: dict[str, list[str]] = {"parse": ["everyone"] if {"@everyone", "@here"} & set(mentions) else []}
    roles = sorted({mention[3:-1] for mention in mentions if mention.startswith("<@&")})
    users = sorted({mention[2:-1] for mention in mentions if mention.startswith("<@") and mention[2] != "&"})
    return {**allowed, **({"roles": roles} if roles else {}), **({"users": users} if users else {})}
