"""One notification as one embed; what does not fit goes into a text file, and the embed says so."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from notifier.models import NotificationMessage
from notifier.render.limits import (
    DESCRIPTION_CHARACTERS_MAX,
    EMBEDS_TOTAL_CHARACTERS_MAX,
    FIELD_NAME_CHARACTERS_MAX,
    FIELD_VALUE_CHARACTERS_MAX,
    FIELDS_MAX,
    FOOTER_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
)

CUT = "…"
FENCE = "```"
JOINED = "\u200d\ufe0f"  # zero-width joiner and variation selector: a cut before or after one splits a symbol


@dataclass(frozen=True, slots=True)
class RenderedEmbed:
    """An embed as Discord takes it; ``whole`` is the full text where something had to be cut."""

    embed: dict[str, Any]
    whole: str | None = None


def render_embed(message: NotificationMessage) -> RenderedEmbed:
    """The embed of one notification, within every limit of an embed and of a message."""
    embed = _uncut(message)
    if _fits(embed):
        return RenderedEmbed(embed)
    return RenderedEmbed(_cut_to_fit(embed, message), whole_text(message))


def characters(embed: dict[str, Any]) -> int:
    """What counts towards the sum over all embeds of a message (Discord docs, message.mdx)."""
    texts = [embed.get("title", ""), embed.get("description", ""), embed.get("footer", {}).get("text", "")]
    texts += [field[part] for field in embed.get("fields", ()) for part in ("name", "value")]
    return sum(map(len, texts))


def whole_text(message: NotificationMessage) -> str:
    """Everything a notification says, as plain text."""
    parts = [message.title, message.message]
    parts += [f"{field.name}:\n{field.value}" for field in message.fields]
    parts += [f"{name}: {value}" for name, value in (("Source", message.source), ("URL", message.url)) if value]
    parts.append(f"Time: {iso(message.timestamp)}")
    return "\n\n".join(part for part in parts if part) + "\n"


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC, as Discord's own examples write it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _uncut(message: NotificationMessage) -> dict[str, Any]:
    embed: dict[str, Any] = {"title": message.title}
    if message.message:
        embed["description"] = message.message
    if message.url:
        embed["url"] = message.url
    embed["color"] = message.colour
    if message.fields:
        embed["fields"] = [{"name": each.name, "value": each.value, "inline": each.inline} for each in message.fields]
    embed["timestamp"] = iso(message.timestamp)
    if message.source:
        embed["footer"] = {"text": message.source}
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


def _cut_to_fit(embed: dict[str, Any], message: NotificationMessage) -> dict[str, Any]:
    note = f"\n\n*Cut here; the whole alert is in {file_name(message)}.*"
    cut = {**embed, "title": _cut(embed["title"], TITLE_CHARACTERS_MAX)}
    if "footer" in embed:
        cut["footer"] = {"text": _cut(embed["footer"]["text"], TITLE_CHARACTERS_MAX)}
    room = EMBEDS_TOTAL_CHARACTERS_MAX - len(cut["title"]) - len(cut.get("footer", {}).get("text", "")) - len(note)
    described = min(DESCRIPTION_CHARACTERS_MAX - len(note), room)
    cut["description"] = _cut(embed.get("description", ""), described) + note
    room -= len(cut["description"]) - len(note)
    fields = []
    for field in embed.get("fields", ())[:FIELDS_MAX]:
        name = _cut(field["name"], FIELD_NAME_CHARACTERS_MAX)
        value = _cut(field["value"], min(FIELD_VALUE_CHARACTERS_MAX, room - len(name)))
        room -= len(name) + len(value)
        if room < 0 or not value:
            break
        fields.append({"name": name, "value": value, "inline": field["inline"]})
    cut.pop("fields", None)
    if fields:
        cut["fields"] = fields
    return cut


def file_name(message: NotificationMessage) -> str:
    """The name of the file that holds the whole text."""
    return f"alert-{message.id.replace(':', '-')}.txt"


def _cut(text: str, maximum: int) -> str:
    if len(text) <= maximum:
        return text
    if maximum <= len(CUT) + len(FENCE) + 1:
        return ""
    end = maximum - len(CUT)
    fenced = text[:end].count(FENCE) % 2 == 1
    if fenced:
        end -= len(FENCE) + 1
    while end > 1 and (text[end] in JOINED or text[end - 1] in JOINED):
        end -= 1
    kept = text[:end].rstrip()
    return f"{kept}{CUT}\n{FENCE}" if fenced else f"{kept}{CUT}"
