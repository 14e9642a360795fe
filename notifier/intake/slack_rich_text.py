"""A rich text of Slack's as mrkdwn (Slack docs, Rich text block)."""

from collections.abc import Callable, Mapping
from typing import Any

from notifier.intake.given_body import items, text

DEPTH_MAX = 5
"""A list in a list, a section in it, and its texts."""
MARKS = {"bold": "*", "italic": "_", "strike": "~", "code": "`"}


def rich_text(value: Any, depth: int = 0) -> str:
    """The text of it, or of an element."""
    if not isinstance(value, Mapping) or depth > DEPTH_MAX:
        return ""
    kind = text(value.get("type"))
    if draw := LEAVES.get(kind):
        return draw(value)
    inner = [rich_text(each, depth + 1) for each in items(value.get("elements"), "blocks.elements")]
    return WHOLES.get(kind, "".join)(inner)


def _text(value: Mapping[str, Any]) -> str:
    said, style = value.get("text"), value.get("style")
    if not isinstance(said, str):
        return ""
    for name, mark in MARKS.items():
        if isinstance(style, Mapping) and style.get(name) and said.strip():
            said = f"{mark}{said}{mark}"
    return said


def _link(value: Mapping[str, Any]) -> str:
    link, said = text(value.get("url")), text(value.get("text"))
    return f"<{link}|{said}>" if said else f"<{link}>"


def _mention(part: str, sign: str = "@") -> Callable[[Mapping[str, Any]], str]:
    return lambda value: f"<{sign}{text(value.get(part))}>"


LEAVES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "text": _text,
    "link": _link,
    "emoji": lambda value: f":{text(value.get('name'))}:",
    "user": _mention("user_id"),
    "usergroup": _mention("usergroup_id"),
    "broadcast": _mention("range", "!"),
    "channel": _mention("channel_id", "#"),
}
WHOLES: dict[str, Callable[[list[str]], str]] = {
    "rich_text": "\n".join,
    "rich_text_list": lambda inner: "\n".join(f"• {each}" for each in inner),
    "rich_text_preformatted": lambda inner: f"```{''.join(inner)}```",
    "rich_text_quote": lambda inner: "\n".join(f">{each}" for each in "".join(inner).split("\n")),
}
