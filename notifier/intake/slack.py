"""What an incoming webhook of Slack's takes: text, attachments and blocks (Slack docs, Incoming webhooks)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from notifier.errors import InvalidMessage
from notifier.intake.given_body import Fields, Taken, items, links, mapping, text
from notifier.intake.slack_rich_text import rich_text
from notifier.intake.slack_text import links_of, markdown, unmarked
from notifier.message_parts import is_http_url

COLOURS = {"good": "#2EB886", "warning": "#DAA038", "danger": "#A30100"}
PARTS_MAX = 200
"""Ours: of its blocks and attachments. Slack takes 50 blocks and 100 attachments."""
NO_NEWS = ("divider", "alert")


@dataclass
class _Message:
    """What is read so far."""

    lines: list[str] = field(default_factory=list)
    """Still Slack's."""
    fields: list[Fields] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    buttons: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    parts: int = 0


def slack(body: Any) -> list[Taken]:
    """A message is an alert: its first line is the title. It pings nobody."""
    given = mapping(body, "body")
    attachments = [mapping(each, "attachments") for each in items(given.get("attachments"), "attachments")]
    message = _Message()
    blocks = items(given.get("blocks"), "blocks")
    if not blocks:  # else it is what notifications say in their place
        _line(message, given.get("text"))
    _blocks(message, blocks)
    if blocks and not message.lines:
        _line(message, given.get("text"))
    for each in attachments:
        _attachment(message, each)
    if not message.lines and not message.fields and not message.pictures:
        raise InvalidMessage("text: expected a text, blocks or attachments")
    return [Taken(_fields(message, given, attachments))]


def _fields(message: _Message, given: Mapping[str, Any], attachments: list[Mapping[str, Any]]) -> Fields:
    first = attachments[0] if attachments else {}
    title, *rest = "\n".join(message.lines).split("\n") or [""]
    found = links_of(title)
    colour = next((each["color"] for each in attachments if each.get("color")), None)
    author = {"name": text(first.get("author_name")), "url": first.get("author_link")}
    left_out = [f"{each}: left out, there is nothing like it" for each in dict.fromkeys(message.left_out)]
    return {
        "title": unmarked(title),
        "message": markdown("\n".join([title, *rest] if len(found) > 1 or "```" in title else rest)),
        "fields": [*message.fields, *links(**message.buttons)],
        "color": COLOURS.get(text(colour), colour),
        "url": first.get("title_link") or (found[0] if found and is_http_url(found[0]) else None),
        "image": message.pictures[0] if message.pictures else None,
        "thumbnail": first.get("thumb_url"),
        "author": {**author, "icon_url": first.get("author_icon")} if author["name"] else None,
        "timestamp": first.get("ts"),
        "source": text(given.get("username")) or text(first.get("footer")),
        "markdown": True,
        "plain": ("title",),
        "adjusted": left_out,
    }


def _attachment(message: _Message, given: Mapping[str, Any]) -> None:
    if not _counts(message):
        return
    blocks = items(given.get("blocks"), "attachments.blocks")
    for name in ("pretext", "title"):
        _line(message, given.get(name))
    _line(message, given.get("text") or (given.get("fallback") if not blocks and not given.get("title") else None))
    _blocks(message, blocks)
    for each in items(given.get("fields"), "attachments.fields"):
        part = mapping(each, "attachments.fields")
        value = {"name": unmarked(part.get("title")), "value": markdown(part.get("value")), "markdown": True}
        message.fields.append({**value, "inline": bool(part.get("short"))})
    _picture(message, given.get("image_url"))
    _buttons(message, items(given.get("actions"), "attachments.actions"))


def _blocks(message: _Message, blocks: list[Any]) -> None:
    for each in blocks:
        block = mapping(each, "blocks")
        if not _counts(message):
            return
        kind = text(block.get("type"))
        if read := BLOCKS.get(kind):
            read(message, block)
        elif kind not in NO_NEWS:
            message.left_out.append(f"blocks.{kind or 'type'}"[:100])


def _section(message: _Message, block: Mapping[str, Any]) -> None:
    _line(message, _text_of(block.get("text")))
    for part in items(block.get("fields"), "blocks.fields"):
        _line(message, _text_of(part))
    _elements(message, [block.get("accessory")])


def _image(message: _Message, block: Mapping[str, Any]) -> None:
    _line(message, _text_of(block.get("title")))
    _picture(message, block.get("image_url"))


def _elements(message: _Message, elements: list[Any]) -> None:
    for each in elements:
        if isinstance(each, Mapping) and each.get("type") == "image":
            _picture(message, each.get("image_url"))
        elif isinstance(each, Mapping) and each.get("type") == "button":
            _buttons(message, [each])
        elif isinstance(each, Mapping):
            _line(message, _text_of(each))


def _buttons(message: _Message, elements: list[Any]) -> None:
    for each in elements:
        button = mapping(each, "blocks.elements")
        label, link = unmarked(_text_of(button.get("text"))) or "Link", text(button.get("url"))
        if is_http_url(link):
            message.buttons[label.translate(str.maketrans("", "", "[]"))] = link
        else:
            message.left_out.append(f"blocks.{text(button.get('type')) or 'element'}"[:100])


def _text_of(value: Any) -> str:
    return text(value.get("text")) if isinstance(value, Mapping) else text(value)


def _line(message: _Message, value: Any) -> None:
    if told := text(value):
        message.lines.append(told)


def _picture(message: _Message, value: Any) -> None:
    if is_http_url(text(value)):
        message.pictures.append(text(value))


def _counts(message: _Message) -> bool:
    message.parts += 1
    if message.parts > PARTS_MAX:
        message.left_out.append(f"more than {PARTS_MAX} blocks and attachments")
    return message.parts <= PARTS_MAX


def _block_elements(block: Mapping[str, Any]) -> list[Any]:
    return items(block.get("elements"), "blocks.elements")


BLOCKS: dict[str, Callable[[_Message, Mapping[str, Any]], None]] = {
    "header": _section,
    "section": _section,
    "context": lambda message, block: _elements(message, _block_elements(block)),
    "actions": lambda message, block: _buttons(message, _block_elements(block)),
    "image": _image,
    "markdown": lambda message, block: _line(message, block.get("text")),
    "rich_text": lambda message, block: _line(message, rich_text(block)),
}
