"""The size of a notification, and which ones may share a request.

A caller asks for it with each alert. What draws embeds is imported where an alert needs it.
"""

import hashlib
import json
from functools import lru_cache
from typing import NamedTuple

from notifier.models import NotificationMessage
from notifier.render.limits import (
    DESCRIPTION_CHARACTERS_MAX,
    EMBEDS_TOTAL_CHARACTERS_MAX,
    FOOTER_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
)
from notifier.render.trimmed import trimmed

TEXT_ALONE = frozenset(
    ("id", "alert_type", "title", "message", "source", "severity", "color", "timestamp", "metadata", "adjusted")
)
"""The fields of most alerts. What an embed shows of these is their texts, as they are."""


class Load(NamedTuple):
    """The size of one notification. Those with the same ``batch_key`` may share a request; '' is sent alone."""

    embeds: int
    characters: int
    batch_key: str


def measure(message: NotificationMessage) -> Load:
    """Measure a notification. A shared batch key means: same thread, name, avatar, mentions and sound, and no more.

    The URL is counted as if it stood in the text: ``compose`` writes it there if another embed has the same URL.
    """
    if (size := _size_of_text(message)) is not None:
        return Load(1, size, _batch_key(None, None, None, (), ()))
    from notifier.render.embeds import characters, render_embed, with_url_in_text
    from notifier.render.ornaments import refused_by_form

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
    if not message.__pydantic_fields_set__ <= TEXT_ALONE:
        return None
    title = len(trimmed(message.title))
    text = len(trimmed(message.message)) if message.message else 0
    footer = len(trimmed(message.source)) if message.source else 0
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
