"""A long notification as several messages, each of which one request holds: the parts, numbered in their titles."""

from typing import Any

from notifier.message_parts import MessageField
from notifier.models import NotificationMessage
from notifier.plain_text import plain
from notifier.render.buttons import not_taken
from notifier.render.cut import cut, take
from notifier.render.embeds import content_fits, render_embed, uncut
from notifier.render.limits import (
    AUTHOR_CHARACTERS_MAX,
    DESCRIPTION_CHARACTERS_MAX,
    EMBEDS_TOTAL_CHARACTERS_MAX,
    FIELD_NAME_CHARACTERS_MAX,
    FIELD_VALUE_CHARACTERS_MAX,
    FIELDS_MAX,
    FOOTER_CHARACTERS_MAX,
    NOTE_CHARACTERS_MAX,
    THREAD_NAME_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
)
from notifier.render.markdown import drawn
from notifier.render.notes import SEPARATOR
from notifier.render.ornaments import refused_by_form
from notifier.render.poll import cut_to_fit
from notifier.render.uploads import SCHEME
from notifier.render.whole import whole_text

OF_THE_FIRST = ("url", "author", "thumbnail", "mentions", "content", "tts", "thread_name", "applied_tags")
"""What stands above the text, or is done once: it goes with the first part."""
OF_THE_LAST = ("image", "footer_icon", "source", "poll", "buttons", "files")
"""What stands below the text: it goes with the last part."""
NUMBER_CHARACTERS = len(" (1000/1000)")
Field = dict[str, Any]
"""A field of an embed: ``name``, ``value``, ``inline``."""


def parts_of(message: NotificationMessage) -> list[NotificationMessage]:
    """The messages that a notification is posted as, in order, each by a request of its own.

    Itself, if its ``long_text`` is not ``split`` or one message holds all of it.
    """
    return split(message) if message.long_text == "split" else [message]


def split(message: NotificationMessage) -> list[NotificationMessage]:
    """The parts of a notification, whatever its ``long_text`` says; itself, if one message holds all of it.

    They hold all of its text in order, drawn as Markdown. They depend on the notification alone: whoever goes on after
    a part finds the same ones.
    """
    if message.suppress_embeds or render_embed(message, left_out=refused_by_form(message)).whole is None:
        return [message]
    message = drawn(message)
    embed = uncut(message)
    title, source = embed["title"], message.source or ""
    shown_title = cut(title, TITLE_CHARACTERS_MAX - NUMBER_CHARACTERS)
    shown_source = cut(source, FOOTER_CHARACTERS_MAX - NOTE_CHARACTERS_MAX - len(SEPARATOR))
    content = "" if content_fits(message) else message.content
    texts = [content, title if shown_title != title else "", embed.get("description", "")]
    texts.append(plain(f"Source: {source}") if shown_source != source else "")
    beside = len(shown_title) + NUMBER_CHARACTERS + len(shown_source) + len(SEPARATOR) + NOTE_CHARACTERS_MAX
    beside += min(len(message.author.name), AUTHOR_CHARACTERS_MAX) if message.author else 0
    pages = _Pages(EMBEDS_TOTAL_CHARACTERS_MAX - beside, len(plain(message.url)) + 2 if message.url else 0)
    pages.add_text("\n\n".join(filter(None, texts)))
    for field in embed.get("fields", ()):
        for piece in _pieces(field):
            pages.add_field(piece)
    looks: dict[str, Any] = {
        "title": shown_title,
        "source": shown_source or None,
        "content": None if content else message.content,
    }
    looks |= _names(message)
    return [_part(message, looks, pages, number) for number in range(len(pages.texts))]


def fits_in_parts(message: NotificationMessage, most: int) -> bool:
    """Whether so many messages hold all of it."""
    # to split 7 MB takes seconds of the caller's time; what is twice as long as all messages hold is not tried
    return len(whole_text(message)) <= 2 * most * EMBEDS_TOTAL_CHARACTERS_MAX and len(split(message)) <= most


class _Pages:
    """Text and fields of each part.

    Args:
        room: characters of a part.
        link: characters that a link takes in the first, if it goes as text.
    """

    def __init__(self, room: int, link: int) -> None:
        self._room = room
        self.texts = [""]
        self.fields: list[list[Field]] = [[]]
        self._used = link

    def add_text(self, text: str) -> None:
        """Put a text at the end."""
        while text := text.strip():
            if self.texts[-1]:
                self._turn()
            self.texts[-1], text = take(text, min(self._room, DESCRIPTION_CHARACTERS_MAX) - self._used)
            self._used += len(self.texts[-1])

    def add_field(self, field: Field) -> None:
        """Put a field at the end."""
        size = len(field["name"]) + len(field["value"])
        if self._used + size > self._room or len(self.fields[-1]) == FIELDS_MAX:
            self._turn()
        self.fields[-1].append(field)
        self._used += size

    def _turn(self) -> None:
        self.texts.append("")
        self.fields.append([])
        self._used = 0


def _pieces(field: Field) -> list[Field]:
    """A field that is too long as several of its name; what is cut off the name stands in the value."""
    name, value = cut(field["name"], FIELD_NAME_CHARACTERS_MAX - NUMBER_CHARACTERS), field["value"]
    if name == field["name"] and len(value) <= FIELD_VALUE_CHARACTERS_MAX:
        return [field]
    values, left = [], value if name == field["name"] else f"{field['name']}\n{value}"
    while left := left.strip():
        piece, left = take(left, FIELD_VALUE_CHARACTERS_MAX)
        values.append(piece)
    return [
        {**field, "name": f"{name} ({number}/{len(values)})" if values[1:] else name, "value": piece}
        for number, piece in enumerate(values, 1)
    ]


def _part(message: NotificationMessage, looks: dict[str, Any], pages: _Pages, number: int) -> NotificationMessage:
    last = len(pages.texts) - 1
    elsewhere = [*(OF_THE_FIRST if number else ()), *(OF_THE_LAST if number < last else ())]
    fields = type(message).model_fields
    text = {"traceback": None, "markdown": True, "plain": (), "long_text": "attach", "message": pages.texts[number]}
    part = {
        **looks,
        **text,
        "title": f"{looks['title']} ({number + 1}/{last + 1})",
        "fields": tuple(MessageField.model_construct(**each, markdown=True) for each in pages.fields[number]),
        **{name: fields[name].default for name in elsewhere},
    }
    if message.buttons and number == last:
        links = not_taken(message.buttons)  # they stand in the text
        part["buttons"] = tuple(each for each in message.buttons if each not in links)
    if message.poll and number == last:
        part["poll"] = cut_to_fit(message.poll)
    if message.files:
        part["files"] = _files(message, number, last)
    return message.model_copy(update=part)


def _names(message: NotificationMessage) -> dict[str, Any]:
    """Those that are cut stand in the text."""
    author, thread_name = message.author, message.thread_name
    named = author and author.model_copy(update={"name": cut(author.name.strip(), AUTHOR_CHARACTERS_MAX)})
    return {"author": named, "thread_name": thread_name and cut(thread_name.strip(), THREAD_NAME_CHARACTERS_MAX)}


def _files(message: NotificationMessage, number: int, last: int) -> tuple[Any, ...]:
    """The files go with the last part, but a picture of the first one with that."""
    above, below = ((name or "").removeprefix(SCHEME) for name in (message.thumbnail, message.image))
    if number == 0:
        return tuple(file for file in message.files if file.name == above)
    if number < last:
        return ()
    return tuple(file for file in message.files if file.name == below or file.name != above)
