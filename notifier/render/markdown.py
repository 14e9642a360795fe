"""Plain text drawn by Discord as it stands: what would be Markdown is escaped (Discord docs, reference.mdx)."""

import re

from notifier.message_parts import MessageField
from notifier.models import NotificationMessage

_LINK = re.compile(r"https?://[^\s<]+[^\s<.,:;\"'\]]")
"""What Discord makes a link of: nothing in it is Markdown."""
_MARKDOWN = re.compile(
    r"[\\*_~`|\[\]<]"  # anywhere
    r"|(?:(?<=\n)|^)(?:[ \t]*)(?:[#>]|[+-](?=[ \t])|-(?=#)|\d{1,18}(?=\.\s))"  # a heading, quote or list
    r"|(?<!\w):(?=\w+:)"  # an emoji's name
    r"|@(?=everyone\b|here\b)"
)


def plain(text: str) -> str:
    """The text as Discord's Markdown that is drawn as this text. Links stay links."""
    pieces, at = [], 0
    for link in _LINK.finditer(text):
        pieces += [_escaped(text, at, link.start()), link[0]]
        at = link.end()
    return "".join([*pieces, _escaped(text, at, len(text))])


def _escaped(text: str, start: int, end: int) -> str:
    pieces, at = [], start
    for found in _MARKDOWN.finditer(text, start, end):
        # the last character is what is escaped; after a number it is the dot behind it
        mark = found.end() if found[0][-1].isdigit() else found.end() - 1
        pieces += [text[at:mark], "\\"]
        at = mark
    return "".join([*pieces, text[at:end]])


def drawn(message: NotificationMessage) -> NotificationMessage:
    """The notification with all of its texts as Markdown: what is plain text is escaped."""
    everything = message.markdown is False
    if not (everything or message.plain or any(each.markdown is False for each in message.fields)):
        return message
    names = [name for name in ("title", "message", "content") if everything or name in message.plain]
    texts = {name: plain(text) for name in names if (text := getattr(message, name))}
    fields = tuple(_field(each, plain_name=everything and each.markdown is None) for each in message.fields)
    return message.model_copy(update={**texts, "fields": fields, "markdown": True, "plain": ()})


def _field(field: MessageField, *, plain_name: bool) -> MessageField:
    name = plain(field.name) if plain_name else field.name
    value = plain(field.value) if plain_name or field.markdown is False else field.value
    return field.model_copy(update={"name": name, "value": value, "markdown": True})
