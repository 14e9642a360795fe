"""Notifications that share one request: the size of each, which ones may share, and the payload."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from notifier.models import NotificationMessage
from notifier.render.buttons import rows
from notifier.render.cut import cut, trimmed
from notifier.render.embeds import characters, content_of, render_embed, with_url_in_text
from notifier.render.limits import (
    DESCRIPTION_CHARACTERS_MAX,
    EMBEDS_TOTAL_CHARACTERS_MAX,
    FOOTER_CHARACTERS_MAX,
    TAGS_MAX,
    THREAD_NAME_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
)
from notifier.render.ornaments import OF_MESSAGE, refused_by_form
from notifier.render.poll import poll_of
from notifier.render.uploads import File, told, uploads

TEXT_ALONE = frozenset(
    ("id", "alert_type", "title", "message", "source", "severity", "color", "timestamp", "metadata", "adjusted")
)
"""The fields of most alerts. What an embed shows of these is their texts, as they are."""
EDITABLE = frozenset(("embeds", "attachments", "components"))
"""What an edit sets; all else of a message stays as it was posted."""
SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS = 1 << 2, 1 << 12
"""Flags of a message (Discord docs, message.mdx)."""


@dataclass(frozen=True, slots=True)
class Load:
    """The size of one notification. Those with the same ``batch_key`` may share a request; '' is sent alone."""

    embeds: int
    characters: int
    batch_key: str


@dataclass(frozen=True, slots=True)
class Payload:
    """The content of one request, without its webhook. ``stands_for_all``: its embed is of all its notifications."""

    body: dict[str, Any]
    files: tuple[File, ...] = ()
    thread_id: str | None = None
    stands_for_all: bool = False


def measure(message: NotificationMessage) -> Load:
    """Measure a notification. A shared batch key means: same thread, name, avatar, mentions and sound, and no more.

    The URL is counted as if it stood in the text: ``compose`` writes it there if another embed has the same URL.
    """
    if (size := _size_of_text(message)) is not None:
        return Load(1, size, _batch_key(None, None, None, (), ()))
    rendered = render_embed(message, left_out=refused_by_form(message))
    spelled = with_url_in_text(rendered.embed) if "url" in rendered.embed else rendered.embed
    alone = rendered.whole is not None or len(spelled.get("description", "")) > DESCRIPTION_CHARACTERS_MAX
    alone |= any((message.files, message.poll, message.buttons, message.thread_name, message.applied_tags))
    alone |= bool(message.content or message.suppress_embeds or message.dedup_key)
    if alone:
        return Load(1, characters(rendered.embed), "")
    # with other sounds than usual it is another key, and else the one that version 0.2 works out
    sounds = tuple(name for name in ("tts", "silent") if getattr(message, name))
    batch_key = _batch_key(message.thread_id, message.username, message.avatar_url, message.mentions, sounds)
    return Load(1, characters(spelled), batch_key)


def _size_of_text(message: NotificationMessage) -> int | None:
    """The characters of an alert that is text alone and fits, as most do; its embed need not be made to tell them."""
    if not message.model_fields_set <= TEXT_ALONE:
        return None
    texts = (message.title, message.message, message.source)
    title, text, footer = (len(trimmed(each)) if each else 0 for each in texts)
    fits = title <= TITLE_CHARACTERS_MAX and text <= DESCRIPTION_CHARACTERS_MAX and footer <= FOOTER_CHARACTERS_MAX
    return size if fits and (size := title + text + footer) <= EMBEDS_TOTAL_CHARACTERS_MAX else None


@lru_cache  # hardly any two alerts of an application differ in these
def _batch_key(
    thread_id: str | None,
    username: str | None,
    avatar_url: str | None,
    mentions: tuple[str, ...],
    sounds: tuple[str, ...],
) -> str:
    company = json.dumps([thread_id, username, avatar_url, mentions, *sounds])
    return hashlib.sha256(company.encode()).hexdigest()[:12]


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
    of_the_request = _of_the_request(first, thread_name, notes[0])
    body |= {name: value for name, value in of_the_request.items() if name not in from_all}
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


def _of_the_request(message: NotificationMessage, thread_name: str, note: str) -> dict[str, Any]:
    """What belongs to no embed, by Discord's names (Discord docs, webhook.mdx, Execute Webhook)."""
    flags = (message.silent and SUPPRESS_NOTIFICATIONS) | (message.suppress_embeds and SUPPRESS_EMBEDS)
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
    return {name: value for name, value in parts.items() if value}


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
