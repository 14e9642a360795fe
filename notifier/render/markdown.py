"""A notification as Markdown: what of it is plain text is escaped, so that Discord draws it as it stands."""

from collections.abc import Callable

from notifier.given_parts import PARAGRAPH, last_paragraphs
from notifier.message_parts import MessageField
from notifier.models import NotificationMessage
from notifier.plain_text import plain
from notifier.render.limits import CONTENT_CHARACTERS_MAX, EMBEDS_TOTAL_CHARACTERS_MAX, FIELDS_MAX

SHOWN_CHARACTERS = 5 * EMBEDS_TOTAL_CHARACTERS_MAX
"""Ours: more than one message shows of a text, at its beginning or its end. To escape 7 MB takes 3 s."""
LEFT_OUT = "…" * (EMBEDS_TOTAL_CHARACTERS_MAX + 1)
"""Stands between them, so that the text is too long for a message as ever, whatever is trimmed around it."""


def shown(message: NotificationMessage) -> NotificationMessage:
    """As ``drawn``, for one message: of a plain text that is far too long for it, what it could show is escaped."""
    return _drawn(message, _ends, FIELDS_MAX)


def drawn(message: NotificationMessage) -> NotificationMessage:
    """The notification with all of its texts as Markdown: what is plain text is escaped."""
    return _drawn(message, str, len(message.fields))


def _drawn(message: NotificationMessage, part_of: Callable[[str], str], fields_max: int) -> NotificationMessage:
    everything = message.markdown is False
    if not (everything or message.plain or any(each.markdown is False for each in message.fields)):
        return message
    names = [name for name in ("title", "message", "content") if everything or name in message.plain]
    # Discord looks for no links in the title and the fields' names of an embed that is a link itself
    links = not message.url
    given = {name: part_of(text) for name in names if (text := getattr(message, name))}
    texts = {name: plain(text, links=links or name != "title") for name, text in given.items()}
    if "message" not in texts and (count := last_paragraphs(message.plain)):
        parts = message.message.split(PARAGRAPH)
        texts["message"] = PARAGRAPH.join((*parts[:-count], plain(part_of(PARAGRAPH.join(parts[-count:])))))
    fields: list[MessageField] = []
    size, foreign = 0, frozenset(message.plain)
    for number, each in enumerate(message.fields):
        if number >= fields_max and size > CONTENT_CHARACTERS_MAX:  # it is counted, and drawn nowhere
            fields += (other.model_copy(update={"markdown": True}) for other in message.fields[number:])
            break
        field = each.model_copy(update={"name": part_of(each.name), "value": part_of(each.value)})
        fields.append(_field(field, everything=everything, plain_name=f"fields.{number}.name" in foreign, links=links))
        size += len(each.name) + len(each.value)
    return message.model_copy(update={**texts, "fields": tuple(fields), "markdown": True, "plain": ()})


def _ends(text: str) -> str:
    text = text.replace("\f", "")  # as when it is escaped
    if len(text) <= 2 * SHOWN_CHARACTERS:
        return text
    return f"{text[:SHOWN_CHARACTERS]}{LEFT_OUT}{text[-SHOWN_CHARACTERS:]}"


def _field(field: MessageField, *, everything: bool, plain_name: bool, links: bool) -> MessageField:
    name, value = field.name, field.value
    if plain_name or (everything and field.markdown is not True):
        name = plain(name, links=links)
    if field.markdown is False or (everything and field.markdown is None):
        value = plain(value)
    return field.model_copy(update={"name": name, "value": value, "markdown": True})
