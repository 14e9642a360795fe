"""Notifications that share one request: the size of each, which ones may share, and the payload."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from notifier.models import NotificationMessage
from notifier.render.embeds import characters, render_embed, with_url_in_text
from notifier.render.limits import DESCRIPTION_CHARACTERS_MAX
from notifier.render.ornaments import OF_MESSAGE, refused_by_form


@dataclass(frozen=True, slots=True)
class Load:
    """The size of one notification. Those with the same ``batch_key`` may share a request; '' is sent alone."""

    embeds: int
    characters: int
    batch_key: str


@dataclass(frozen=True, slots=True)
class File:
    """A file attached to a message."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Payload:
    """The content of one request, without its webhook."""

    body: dict[str, Any]
    files: tuple[File, ...] = ()
    thread_id: str | None = None


def measure(message: NotificationMessage) -> Load:
    """Measure a notification. A shared batch key means: same thread, name, avatar and mentions, and no file.

    The URL is counted as if it stood in the text: ``compose`` writes it there if another embed has the same URL.
    """
    rendered = render_embed(message, left_out=refused_by_form(message))
    spelled = with_url_in_text(rendered.embed) if "url" in rendered.embed else rendered.embed
    alone = rendered.whole is not None or len(spelled.get("description", "")) > DESCRIPTION_CHARACTERS_MAX
    company = json.dumps([message.thread_id, message.username, message.avatar_url, message.mentions])
    batch_key = "" if alone else hashlib.sha256(company.encode()).hexdigest()[:12]
    return Load(1, characters(rendered.embed if alone else spelled), batch_key)


def compose(
    messages: Sequence[NotificationMessage], notes: Sequence[str] = (), left_out: Sequence[Collection[str]] = ()
) -> Payload:
    """Build the payload of notifications that may share a request, in order.

    ``notes``: for the footer of each. ``left_out``: the ornaments that each goes without; of those that belong to the
    whole request, all go without what one does.

    Raises:
        ValueError: ``messages`` is empty. Discord refuses a request without an embed.
    """
    if not messages:
        raise ValueError("no notification to compose a payload of")
    first, count = messages[0], len(messages)
    left_out = left_out or [refused_by_form(each) for each in messages]
    rendered = [render_embed(*each) for each in zip(messages, notes or [""] * count, left_out, strict=True)]
    from_all = frozenset[str]().union(*left_out) & OF_MESSAGE
    body: dict[str, Any] = {
        "embeds": _each_with_its_own_url([each.embed for each in rendered]),
        "allowed_mentions": _allowed(() if "allowed_mentions" in from_all else first.mentions),
    }
    if first.mentions:
        body["content"] = " ".join(first.mentions)
    if first.username and "username" not in from_all:
        body["username"] = first.username
    if first.avatar_url and "avatar_url" not in from_all:
        body["avatar_url"] = first.avatar_url
    files = tuple(File(each.file_name, each.whole.encode()) for each in rendered if each.whole is not None)
    if files:
        body["attachments"] = [{"id": number, "filename": file.name} for number, file in enumerate(files)]
    return Payload(body, files, first.thread_id)


def _each_with_its_own_url(embeds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Discord shows only the first of embeds with the same ``url`` (message.mdx); the others get it in their text."""
    seen: set[str] = set()
    told = []
    for embed in embeds:
        url = embed.get("url", "").rstrip("/")  # Discord may add or drop a trailing slash
        told.append(with_url_in_text(embed) if url in seen else embed)
        seen |= {url} if url else set()
    return told


def _allowed(mentions: Sequence[str]) -> dict[str, list[str]]:
    allowed: dict[str, list[str]] = {"parse": ["everyone"] if {"@everyone", "@here"} & set(mentions) else []}
    roles = sorted({mention[3:-1] for mention in mentions if mention.startswith("<@&")})
    users = sorted({mention[2:-1] for mention in mentions if mention.startswith("<@") and mention[2] != "&"})
    return {**allowed, **({"roles": roles} if roles else {}), **({"users": users} if users else {})}
