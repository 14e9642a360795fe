"""One notification as one embed. If it does not fit, the whole text goes into a file, and the embed says so."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from notifier.models import NotificationMessage
from notifier.render.cut import cut
from notifier.render.limits import (
    DESCRIPTION_CHARACTERS_MAX,
    EMBEDS_TOTAL_CHARACTERS_MAX,
    FIELD_NAME_CHARACTERS_MAX,
    FIELD_VALUE_CHARACTERS_MAX,
    FIELDS_MAX,
    FOOTER_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
)
from notifier.render.notes import SEPARATOR
from notifier.render.ornaments import TEXTS, without

BLANK = "\u200b"
"""Replaces a text that is empty after trimming: Discord refuses an empty name or value."""


@dataclass(frozen=True, slots=True)
class RenderedEmbed:
    """An embed as Discord takes it; ``whole`` is the full text if something had to be cut."""

    embed: dict[str, Any]
    whole: str | None = None


def render_embed(message: NotificationMessage, note: str = "", left_out: Collection[str] = ()) -> RenderedEmbed:
    """The embed of one notification, within every limit of an embed and of a message.

    ``note`` goes into its footer. ``left_out``: ornaments to do without; the link stays as text.
    """
    uncut = _uncut(message, note)
    embed = without(uncut, left_out)
    if "url" in left_out and message.url:
        embed = with_url_in_text(embed)
    if _fits(embed) and not TEXTS.intersection(uncut, left_out):
        return RenderedEmbed(embed)
    return RenderedEmbed(_cut_to_fit(embed, message, note), whole_text(message))


def with_url_in_text(embed: dict[str, Any]) -> dict[str, Any]:
    """The same, but its link stands below the text."""
    text = "\n\n".join(part for part in (embed.get("description"), embed["url"]) if part)
    return {**{key: value for key, value in embed.items() if key != "url"}, "description": text}


def characters(embed: dict[str, Any]) -> int:
    """What counts towards the sum over all embeds of a message (Discord docs, message.mdx)."""
    texts = [embed.get("title", ""), embed.get("description", ""), embed.get("footer", {}).get("text", "")]
    texts += [field[part] for field in embed.get("fields", ()) for part in ("name", "value")]
    return sum(map(len, texts))


def whole_text(message: NotificationMessage) -> str:
    """All texts of a notification, as plain text."""
    parts = [message.title, message.message]
    parts += [f"{field.name}:\n{field.value}" for field in message.fields]
    parts += [f"{name}: {value}" for name, value in (("Source", message.source), ("URL", message.url)) if value]
    parts.append(f"Time: {iso(message.timestamp)}")
    return "\n\n".join(part for part in parts if part) + "\n"


def file_name(message: NotificationMessage) -> str:
    """The name of the file that holds the whole text."""
    return f"alert-{message.id.replace(':', '-')}.txt"


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC, as Discord's own examples write it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _trimmed(text: str) -> str:
    # Discord trims as str.strip() does (discord-api-docs #1315), which removes a few more characters than pydantic
    return text.strip() or BLANK


def _footer(source: str | None, note: str) -> str:
    return SEPARATOR.join(part for part in (source, note) if part)


def _uncut(message: NotificationMessage, note: str) -> dict[str, Any]:
    embed: dict[str, Any] = {"title": _trimmed(message.title)}
    if message.message:
        embed["description"] = _trimmed(message.message)
    if message.url:
        embed["url"] = message.url
    embed["color"] = message.colour
    if message.fields:
        embed["fields"] = [
            {"name": _trimmed(each.name), "value": _trimmed(each.value), "inline": each.inline}
            for each in message.fields
        ]
    embed["timestamp"] = iso(message.timestamp)
    if message.source or note:
        embed["footer"] = {"text": _trimmed(_footer(message.source, note))}
    return embed


def _fits(embed: dict[str, Any]) -> bool:
    return (
        len(embed["title"]) <= TITLE_CHARACTERS_MAX
        and len(embed.get("description", "")) <= DESCRIPTION_CHARACTERS_MAX
        and len(embed.get("footer", {}).get("text", "")) <= FOOTER_CHARACTERS_MAX
        and len(embed.get("fields", ())) <= FIELDS_MAX
        and all(
            len(field["name"]) <= FIELD_NAME_CHARACTERS_MAX and len(field["value"]) <= FIELD_VALUE_CHARACTERS_MAX
            for field in embed.get("fields", ())
        )
        and characters(embed) <= EMBEDS_TOTAL_CHARACTERS_MAX
    )


def _cut_to_fit(embed: dict[str, Any], message: NotificationMessage, note: str) -> dict[str, Any]:
    """Shorten an embed. Space goes to the title, the footer, the text with the name of the file, then the fields."""
    goes_on = f"Cut here; the whole alert is in the file `{file_name(message)}`."
    cut_embed = {**embed, "title": cut(embed["title"], TITLE_CHARACTERS_MAX)}
    if "footer" in embed:
        room = FOOTER_CHARACTERS_MAX - (len(note) + len(SEPARATOR) if note else 0)
        cut_embed["footer"] = {"text": _trimmed(_footer(cut(message.source or "", room), note))}
    cut_embed.pop("fields", None)
    cut_embed["description"] = goes_on
    room = EMBEDS_TOTAL_CHARACTERS_MAX - characters(cut_embed)
    text = cut(embed.get("description", ""), min(DESCRIPTION_CHARACTERS_MAX - len(goes_on), room) - 2)
    if text:
        cut_embed["description"] = f"{text}\n\n{goes_on}"
    if fields := _fields_within(embed.get("fields", []), EMBEDS_TOTAL_CHARACTERS_MAX - characters(cut_embed)):
        cut_embed["fields"] = fields
    return cut_embed


def _fields_within(fields: list[dict[str, Any]], room: int) -> list[dict[str, Any]]:
    kept = []
    for field in fields[:FIELDS_MAX]:
        name = cut(field["name"], FIELD_NAME_CHARACTERS_MAX)
        value = cut(field["value"], min(FIELD_VALUE_CHARACTERS_MAX, room - len(name)))
        if not value:
            break
        room -= len(name) + len(value)
        kept.append({"name": name, "value": value, "inline": field["inline"]})
    return kept
