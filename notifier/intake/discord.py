"""What a webhook of Discord's takes: content and embeds (Discord docs, webhook.mdx, Execute Webhook)."""

from collections.abc import Iterator, Mapping
from typing import Any

from notifier.errors import InvalidMessage
from notifier.intake.given_body import Fields, Taken, items, mapping, text

EMBEDS_MAX = 10
SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS = 1 << 2, 1 << 12
"""Flags of a message."""
BUTTON, LINK = 2, 5
"""The type of a component, and the style of a button that opens a link."""
EMBED_PARTS = {"title": "title", "url": "url", "description": "message", "color": "color", "timestamp": "timestamp"}
MESSAGE_PARTS = ("username", "avatar_url", "tts", "thread_name", "applied_tags")


def discord(body: Any) -> list[Taken]:
    """A message is an alert for each embed, or one for a content without any. It pings nobody."""
    message = mapping(body, "body")
    content = text(message.get("content"))
    embeds = [mapping(each, "embeds") for each in items(message.get("embeds"), "embeds")]
    if len(embeds) > EMBEDS_MAX:
        raise InvalidMessage(f"embeds: {EMBEDS_MAX} at most, as at Discord")
    first = _whole(message)
    if not embeds:
        if not content and not any(first.get(part) for part in ("files", "poll")):
            raise InvalidMessage("content: expected a content, embeds or files")
        return [Taken({**first, "message": content})]
    shared = {name: first[name] for name in (*MESSAGE_PARTS, "silent", "suppress_embeds") if name in first}
    told = [Taken({**shared, **_embed(each)}) for each in embeds]
    return [told[0].with_fields(**first, content=content or None), *told[1:]]


def _whole(message: Mapping[str, Any]) -> Fields:
    """What a message has beside its embeds."""
    given = message.get("flags")
    flags = given if isinstance(given, int) else 0
    buttons = list(_buttons(message.get("components"), 0))
    left_out = []
    if len(buttons) < _count(message.get("components"), 0):
        left_out.append("components: only buttons that open a link are taken; others need an application of yours")
    fields: Fields = {name: message[name] for name in MESSAGE_PARTS if message.get(name)}
    fields |= {"silent": bool(flags & SUPPRESS_NOTIFICATIONS), "suppress_embeds": bool(flags & SUPPRESS_EMBEDS)}
    fields |= {"buttons": buttons, "files": message.get("files") or None, "poll": _poll(message.get("poll"))}
    mentions = message.get("allowed_mentions")
    if isinstance(mentions, Mapping) and any(mentions.values()):
        left_out.append("allowed_mentions: pings are for who configures this program (DISCORD_MENTION_…)")
    return {**{name: value for name, value in fields.items() if value}, "adjusted": left_out}


def _embed(embed: Mapping[str, Any]) -> Fields:
    pictures = {name: _url(embed.get(name), name) for name in ("image", "thumbnail")}
    footer = mapping(embed.get("footer") or {}, "footer")
    fields: Fields = {ours: embed[theirs] for theirs, ours in EMBED_PARTS.items() if embed.get(theirs) is not None}
    if author := embed.get("author"):
        given = mapping(author, "author")
        fields["author"] = {name: given.get(name) for name in ("name", "url", "icon_url")}
    fields["fields"] = [
        {"name": part.get("name"), "value": part.get("value"), "inline": bool(part.get("inline"))}
        for part in (mapping(each, "fields") for each in items(embed.get("fields"), "fields"))
    ]
    return {**fields, **pictures, "source": text(footer.get("text")), "footer_icon": footer.get("icon_url")}


def _url(value: Any, name: str) -> str | None:
    link = mapping(value or {}, name).get("url")
    return text(link).removeprefix("attachment://") or None


def _buttons(value: Any, depth: int) -> Iterator[Fields]:
    for each in _components(value, depth):
        if each.get("type") == BUTTON and each.get("style") == LINK:
            emoji = each.get("emoji")
            name = text(emoji.get("name")) if isinstance(emoji, Mapping) else ""
            yield {"label": text(each.get("label")) or name, "url": each.get("url"), "emoji": name or None}


def _count(value: Any, depth: int) -> int:
    """Components that hold no others."""
    return sum(not each.get("components") for each in _components(value, depth))


def _components(value: Any, depth: int) -> Iterator[Mapping[str, Any]]:
    for each in items(value, "components"):
        component = mapping(each, "components")
        yield component
        if depth < 3:
            yield from _components(component.get("components"), depth + 1)


def _poll(value: Any) -> Fields | None:
    if not value:
        return None
    poll = mapping(value, "poll")
    answers = [mapping(each, "poll.answers").get("poll_media") or {} for each in items(poll.get("answers"), "poll")]
    return {
        "question": mapping(poll.get("question") or {}, "poll.question").get("text"),
        "answers": [_answer(mapping(each, "poll.answers")) for each in answers],
        "hours": poll.get("duration"),
        "multiple": poll.get("allow_multiselect"),
    }


def _answer(media: Mapping[str, Any]) -> Fields:
    emoji = media.get("emoji")
    return {"text": media.get("text"), "emoji": text(emoji.get("name")) if isinstance(emoji, Mapping) else None}
