"""One notification as one embed. If it does not fit, the whole text goes into a file, and the embed says so."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from notifier.models import NotificationMessage
from notifier.plain_text import code_block, plain
from notifier.render.buttons import not_taken
from notifier.render.cut import cut, cut_front
from notifier.render.limits import (
    AUTHOR_CHARACTERS_MAX,
    CONTENT_CHARACTERS_MAX,
    DESCRIPTION_CHARACTERS_MAX,
    EMBEDS_TOTAL_CHARACTERS_MAX,
    FIELD_NAME_CHARACTERS_MAX,
    FIELD_VALUE_CHARACTERS_MAX,
    FIELDS_MAX,
    FOOTER_CHARACTERS_MAX,
    THREAD_NAME_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
)
from notifier.render.markdown import shown
from notifier.render.notes import SEPARATOR
from notifier.render.ornaments import TEXTS, pictures_of_files, without
from notifier.render.poll import poll_below
from notifier.render.trimmed import BLANK, trimmed
from notifier.render.uploads import picture
from notifier.render.whole import Kind, bare, file_name, is_traceback, iso, kind_of, whole_text

TEXT_CHARACTERS_LEAST = 1_000
"""Ours: what a long text gets of an embed's room before its fields do."""
SAID_CHARACTERS = 40
"""At least as long as what is said around the name of the file."""


@dataclass(frozen=True, slots=True)
class RenderedEmbed:
    """An embed as Discord takes it. If something had to be cut, ``whole`` is what its file holds."""

    embed: dict[str, Any]
    whole: str | None = None
    file_name: str = ""


def render_embed(message: NotificationMessage, note: str = "", left_out: Collection[str] = ()) -> RenderedEmbed:
    """The embed of one notification, within every limit of an embed and of a message.

    ``note`` goes into its footer. ``left_out``: ornaments to do without; the link stays as text.
    """
    whole = uncut(message, note, left_out)
    embed = without(whole, left_out)
    if "url" in left_out and message.url:
        embed = with_url_in_text(embed)
    if "footer" in left_out and note:
        embed["footer"] = {"text": note}  # what Discord refuses is the caller's, not what we say of it
    if _fits(embed) and not TEXTS.intersection(whole, left_out) and content_fits(message, note):
        return RenderedEmbed(embed)
    cut_anyway = {*TEXTS.intersection(whole), "url"}.intersection(left_out) or not content_fits(message, note)
    only_text = _has_room_for_text(embed) and not cut_anyway
    text = bare(message.message)
    if only_text and not message.traceback and (kind := kind_of(text)) is not Kind.TEXT:
        name = file_name(message, kind)
        return RenderedEmbed(_cut_to_fit(embed, message, note, f"text is in the file `{name}`"), text, name)
    name = file_name(message)
    cut_embed = _cut_to_fit(embed, message, note, f"alert is in the file `{name}`")
    return RenderedEmbed(cut_embed, whole_text(message), name)


def content_of(message: NotificationMessage, note: str = "") -> str:
    """The text above the embed: the mentions, and what the caller gave; if no embed is shown, all that it would say.

    It is cut to what Discord takes; where no embed is shown, it says where all of it is.
    """
    content = _content(message, note)
    if len(content) <= CONTENT_CHARACTERS_MAX or not message.suppress_embeds:
        return cut(content, CONTENT_CHARACTERS_MAX)
    title = _with_mentions(message, cut(shown(message).title, TITLE_CHARACTERS_MAX))
    room = CONTENT_CHARACTERS_MAX - len(title) - 1
    below = "\n".join(_said(message, note, without="title"))
    return f"{title}\n{_cut_text(below, shown(message), f'alert is in the file `{file_name(message)}`', room)}".strip()


def content_fits(message: NotificationMessage, note: str = "") -> bool:
    """Whether that needs no cut."""
    return len(_content(message, note)) <= CONTENT_CHARACTERS_MAX


def _content(message: NotificationMessage, note: str) -> str:
    said = "\n".join(_said(message, note)) if message.suppress_embeds else shown(message).content or ""
    return _with_mentions(message, said).strip()


def _with_mentions(message: NotificationMessage, text: str) -> str:
    for everyone in {"@everyone", "@here"}.difference(message.mentions):  # Discord allows both or none of them
        text = text.replace(everyone, f"@{BLANK}{everyone[1:]}")
    return " ".join(filter(None, (*message.mentions, text)))


def _said(message: NotificationMessage, note: str, without: str = "") -> list[str]:
    """All texts of a notification of which no embed is shown, as Markdown."""
    embed = uncut(message, note)
    texts = {
        "content": shown(message).content,
        "author": plain(embed.get("author", {}).get("name", "")),
        "title": embed["title"],
        "description": embed.get("description"),
        "fields": "\n".join(f"**{each['name']}**: {each['value']}" for each in embed.get("fields", ())),
        "url": plain(embed.get("url", "")),
        "footer": plain(embed.get("footer", {}).get("text", "")),
    }
    return [text for name, text in texts.items() if text and name != without]


def long_names(message: NotificationMessage) -> list[str]:
    """The names of its author and of its post that have to be cut."""
    author = message.author.name if message.author else ""
    names = ((author, AUTHOR_CHARACTERS_MAX), (message.thread_name or "", THREAD_NAME_CHARACTERS_MAX))
    return [name.strip() for name, most in names if len(name.strip()) > most]


def with_url_in_text(embed: dict[str, Any]) -> dict[str, Any]:
    """The same, but its link stands below the text."""
    text = "\n\n".join(part for part in (embed.get("description"), plain(embed["url"])) if part)
    return {**{key: value for key, value in embed.items() if key != "url"}, "description": text}


def characters(embed: dict[str, Any]) -> int:
    """What counts towards the sum over all embeds of a message (Discord docs, message.mdx)."""
    texts = [embed.get("title", ""), embed.get("description", ""), embed.get("footer", {}).get("text", "")]
    texts.append(embed.get("author", {}).get("name", ""))
    texts += [field[part] for field in embed.get("fields", ()) for part in ("name", "value")]
    return sum(map(len, texts))


def _footer(source: str | None, note: str) -> str:
    return SEPARATOR.join(part for part in (source, note) if part)


def uncut(message: NotificationMessage, note: str = "", left_out: Collection[str] = ()) -> dict[str, Any]:
    """The embed of a notification as it would be without any limit."""
    message = shown(message)
    embed: dict[str, Any] = {"title": trimmed(message.title)}
    buttons = message.buttons if "components" in left_out else not_taken(message.buttons)
    # what stands elsewhere as a rule, where Discord reads no Markdown
    names, links = map(plain, long_names(message)), plain("\n".join(f"{each.label}: {each.url}" for each in buttons))
    asked = poll_below(message.poll, left_out="poll" in left_out)
    if text := "\n\n".join(filter(None, (*names, *_texts(message), asked, links))):
        embed["description"] = trimmed(text)
    if message.url:
        embed["url"] = message.url
    embed["color"] = message.colour
    if message.fields:
        embed["fields"] = [
            {"name": trimmed(each.name), "value": trimmed(each.value), "inline": each.inline} for each in message.fields
        ]
    embed["timestamp"] = iso(message.timestamp)
    if message.source or note or message.footer_icon:
        embed["footer"] = {"text": trimmed(_footer(message.source, note))}
    return embed | _ornaments(embed, message, left_out)


def _ornaments(embed: dict[str, Any], message: NotificationMessage, left_out: Collection[str]) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    if author := message.author:
        links = {"url": author.url, "icon_url": author.icon_url}
        name = cut(trimmed(author.name), AUTHOR_CHARACTERS_MAX)
        parts["author"] = {"name": name} | {key: link for key, link in links.items() if link}
    if message.thumbnail:
        parts["thumbnail"] = picture(message.thumbnail, message.files)
    if message.image:
        parts["image"] = picture(message.image, message.files)
    if message.footer_icon:
        parts["footer"] = {**embed["footer"], "icon_url": message.footer_icon}
    gone = pictures_of_files(message) if "attachments" in left_out else ()
    return {name: part for name, part in parts.items() if name not in gone}


def _texts(message: NotificationMessage) -> tuple[str, str]:
    """Its text and its traceback, as they are drawn."""
    message = shown(message)
    if not message.traceback:
        return message.message, ""
    return message.message, code_block(message.traceback, "py")


def _has_room_for_text(embed: dict[str, Any]) -> bool:
    """Whether all but its text fits, with a good part of the text."""
    room = EMBEDS_TOTAL_CHARACTERS_MAX - characters({**embed, "description": ""})
    return _fits({**embed, "description": ""}) and room >= TEXT_CHARACTERS_LEAST


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


def _cut_to_fit(embed: dict[str, Any], message: NotificationMessage, note: str, whole: str) -> dict[str, Any]:
    """Shorten an embed. ``whole``: where all of it is.

    Space goes to the title, the footer, a part of the text, the fields, and the rest of the text.
    """
    cut_embed = {**embed, "title": cut(embed["title"], TITLE_CHARACTERS_MAX)}
    if len(embed.get("footer", {}).get("text", "")) > FOOTER_CHARACTERS_MAX:
        room = FOOTER_CHARACTERS_MAX - (len(note) + len(SEPARATOR) if note else 0)
        footer = trimmed(_footer(cut(message.source or "", room), note))
        cut_embed["footer"] = {**embed["footer"], "text": footer}
    cut_embed.pop("fields", None)
    cut_embed["description"] = ""
    room = EMBEDS_TOTAL_CHARACTERS_MAX - characters(cut_embed)
    for_text = min(len(embed.get("description", "")) + len(whole) + SAID_CHARACTERS, TEXT_CHARACTERS_LEAST)
    if fields := _fields_within(embed.get("fields", []), room - for_text):
        cut_embed["fields"] = fields
    room = min(DESCRIPTION_CHARACTERS_MAX, EMBEDS_TOTAL_CHARACTERS_MAX - characters(cut_embed))
    cut_embed["description"] = _cut_text(embed.get("description", ""), message, whole, room)
    return cut_embed


def _cut_text(text: str, message: NotificationMessage, whole: str, room: int) -> str:
    """As much of the text as there is room for, and where all of it is. Of a traceback the end is shown."""
    goes_on = f"Cut here; the whole {whole}."
    if (fits := len(text) + len(goes_on) + 2 <= room) or not (message.traceback or is_traceback(text)):
        shown_text = text if fits else cut(text, room - len(goes_on) - 2)
        return f"{shown_text}\n\n{goes_on}" if shown_text else goes_on
    goes_on = f"The beginning is cut; the whole {whole}."
    above, below = _texts(message) if message.traceback else ("", text)
    room -= len(goes_on) + 4
    above = cut(above.strip(), max(room // 4, room - len(below)))
    return "\n\n".join(filter(None, (above, goes_on, cut_front(below, room - len(above)))))


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
