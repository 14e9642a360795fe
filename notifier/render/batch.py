"""Notifications that share one request: how much each takes, who may ride with whom, and the payload."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from notifier.models import NotificationMessage
from notifier.render.embeds import characters, file_name, render_embed
from notifier.render.limits import DESCRIPTION_CHARACTERS_MAX


@dataclass(frozen=True, slots=True)
class Load:
    """What one notification takes of a request. Those of the same ``batch_key`` may ride together; '' is sent alone."""

    embeds: int
    characters: int
    batch_key: str


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

    One with a URL is counted with that URL written out once, which ``compose`` does where a second one has the same.
    """
    rendered = render_embed(message)
    spelled = _with_url_in_text(rendered.embed) if message.url else rendered.embed
    alone = rendered.whole is not None or len(spelled.get("description", "")) > DESCRIPTION_CHARACTERS_MAX
    company = json.dumps([message.thread_id, message.username, message.avatar_url, message.mentions])
    batch_key = "" if alone else hashlib.sha256(company.encode()).hexdigest()[:12]
    return Load(1, characters(rendered.embed if alone else spelled), batch_key)


def compose(messages: Sequence[NotificationMessage], notes: Sequence[str] = ()) -> Payload:
    """The payload of notifications that may share a request, in order. ``notes``: for the footer of each.

    Raises:
        ValueError: there is none. A request without an embed is one that Discord refuses.
    """
    if not messages:
        raise ValueError("no notification to compose a payload of")
    first = messages[0]
    rendered = [
        render_embed(message, note) for message, note in zip(messages, notes or [""] * len(messages), strict=True)
    ]
    body: dict[str, Any] = {
        "embeds": _each_with_its_own_url([each.embed for each in rendered]),
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


def _each_with_its_own_url(embeds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of embeds with the same ``url`` Discord shows only the first (message.mdx); the others say it in their text."""
    seen: set[str] = set()
    told = []
    for embed in embeds:
        url = embed.get("url", "").rstrip("/")  # the one form of an address that Discord is likely to add or drop
        told.append(_with_url_in_text(embed) if url in seen else embed)
        seen |= {url} if url else set()
    return told


def _with_url_in_text(embed: dict[str, Any]) -> dict[str, Any]:
    text = "\n\n".join(part for part in (embed.get("description"), embed["url"]) if part)
    return {**{key: value for key, value in embed.items() if key != "url"}, "description": text}


def _allowed(mentions: Sequence[str]) -> dict[str, list[str]]:
    allowed: dict[str, list[str]] = {"parse": ["everyone"] if {"@everyone", "@here"} & set(mentions) else []}
    roles = sorted({mention[3:-1] for mention in mentions if mention.startswith("<@&")})
    users = sorted({mention[2:-1] for mention in mentions if mention.startswith("<@") and mention[2] != "&"})
    return {**allowed, **({"roles": roles} if roles else {}), **({"users": users} if users else {})}
