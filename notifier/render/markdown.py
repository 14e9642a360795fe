"""A notification as Markdown: what of it is plain text is escaped, so that Discord draws it as it stands."""

from notifier.given_parts import PARAGRAPH, last_paragraphs
from notifier.message_parts import MessageField
from notifier.models import NotificationMessage
from notifier.plain_text import plain


def drawn(message: NotificationMessage) -> NotificationMessage:
    """The notification with all of its texts as Markdown: what is plain text is escaped."""
    everything = message.markdown is False
    if not (everything or message.plain or any(each.markdown is False for each in message.fields)):
        return message
    names = [name for name in ("title", "message", "content") if everything or name in message.plain]
    # Discord looks for no links in the title and the fields' names of an embed that is a link itself
    links = not message.url
    texts = {name: plain(text, links=links or name != "title") for name in names if (text := getattr(message, name))}
    if "message" not in texts and (count := last_paragraphs(message.plain)):
        parts = message.message.split(PARAGRAPH)
        texts["message"] = PARAGRAPH.join((*parts[:-count], plain(PARAGRAPH.join(parts[-count:]))))
    fields = tuple(
        _field(each, everything=everything, plain_name=f"fields.{number}.name" in message.plain, links=links)
        for number, each in enumerate(message.fields)
    )
    return message.model_copy(update={**texts, "fields": fields, "markdown": True, "plain": ()})


def _field(field: MessageField, *, everything: bool, plain_name: bool, links: bool) -> MessageField:
    name, value = field.name, field.value
    if plain_name or (everything and field.markdown is not True):
        name = plain(name, links=links)
    if field.markdown is False or (everything and field.markdown is None):
        value = plain(value)
    return field.model_copy(update={"name": name, "value": value, "markdown": True})
