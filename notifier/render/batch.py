"""The payload of notifications that share one request."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from notifier.models import NotificationMessage
from notifier.render.buttons import rows
from notifier.render.cut import cut
from notifier.render.embeds import content_of, render_embed, with_url_in_text
from notifier.render.limits import (
    TAGS_MAX,
    THREAD_NAME_CHARACTERS_MAX,
)
from notifier.render.ornaments import OF_MESSAGE, refused_by_form
from notifier.render.poll import poll_of
from notifier.render.uploads import File, told, uploads

EDITABLE = frozenset(("embeds", "attachments", "components"))
"""What an edit sets; all else of a message stays as it was posted."""
SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS = 1 << 2, 1 << 12
"""Flags of a message (Discord docs, message.mdx)."""


@dataclass(frozen=True, slots=True)
class Payload:
    """The content of one request, without its webhook. ``stands_for_all``: its embed is of all its notifications."""

    body: dict[str, Any]
    files: tuple[File, ...] = ()
    thread_id: str | None = None
    stands_for_all: bool = False


def compose(
    messages: Sequence[NotificationMessage],
    notes: Sequence[str] = (),
    left_out: Sequence[Collection[str]] = (),
    *,
    in_forum: bool = False,
) -> Payload:
    """Build the payload of notifications that may share a request, in order.

    ``notes``: for the footer of each. ``left_out``: the ornaments that each goes without; of those that belong to the
    whole request, all go without what one does. ``in_forum``: the channel takes only posts with a name: it is
    the first title, unless they have one.

    Raises:
        ValueError: ``messages`` is empty. Discord refuses a request without an embed.
    """
    if not messages:
        raise ValueError("no notification to compose a payload of")
    first, count = messages[0], len(messages)
    left_out = left_out or [refused_by_form(each) for each in messages]
    notes = notes or [""] * count
    rendered = [render_embed(*each) for each in zip(messages, notes, left_out, strict=True)]
    title, more = first.title.strip() or first.alert_type.value, f" (+{count - 1})" if count > 1 else ""
    thread_name = cut(title, THREAD_NAME_CHARACTERS_MAX - len(more)) + more if in_forum else ""
    from_all = frozenset[str]().union(*left_out) & OF_MESSAGE
    body: dict[str, Any] = {
        "embeds": _each_with_its_own_url([each.embed for each in rendered]),
        "allowed_mentions": _allowed(() if "allowed_mentions" in from_all else first.mentions),
    }
    body |= _of_the_request(first, thread_name, notes[0], from_all)
    files = [File(each.file_name, each.whole.encode()) for each in rendered if each.whole is not None]
    if "attachments" not in from_all:
        files = [*uploads(first.files), *files]
    if files:
        body["attachments"] = told(files)
    return Payload(body, tuple(files), first.thread_id)


def as_edit(payload: Payload, *, keeps_files: bool) -> Payload:
    """What of a payload a message can be changed to: it is heard by nobody, and pings nobody (webhook.mdx, Edit).

    ``keeps_files``: those that are there stay; else they make room for these.
    """
    body = {name: part for name, part in payload.body.items() if name in EDITABLE} | {"allowed_mentions": {"parse": []}}
    if not (payload.files or keeps_files):
        body["attachments"] = []
    return Payload(body, payload.files)


def _of_the_request(
    message: NotificationMessage, thread_name: str, note: str, left_out: Collection[str]
) -> dict[str, Any]:
    """What belongs to no embed, by Discord's names (Discord docs, webhook.mdx, Execute Webhook)."""
    is_bare = message.suppress_embeds and "content" not in left_out  # or nothing would be seen
    flags = (message.silent and SUPPRESS_NOTIFICATIONS) | (is_bare and SUPPRESS_EMBEDS)
    # Discord takes no name for a thread that is there (code 220002)
    name = "" if message.thread_id else (message.thread_name or "").strip() or thread_name
    parts: dict[str, Any] = {
        "content": content_of(message, note),
        "username": message.username,
        "avatar_url": message.avatar_url,
        "tts": message.tts,
        "flags": flags,
        "components": rows(message.buttons),
        "poll": poll_of(message.poll) if message.poll else None,
        "thread_name": cut(name.strip(), THREAD_NAME_CHARACTERS_MAX),
        "applied_tags": list(message.applied_tags[:TAGS_MAX]),
    }
    return {name: value for name, value in parts.items() if value and name not in left_out}


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
