"""Slack's mrkdwn as Discord's Markdown (Slack docs, Formatting message text). Else the text is drawn as it stands."""

import re
from collections.abc import Callable

from notifier.intake.given_body import text
from notifier.plain_text import code_block, in_code, plain

_TOKEN = re.compile(
    r"""
    ```(?P<block>.+?)```
    | `(?P<code>[^`\n]+)`
    | <(?P<link>(?:https?|mailto):[^|<>\s]+)(?:\|(?P<label>[^<>]*))?>
    | <!date\^(?P<moment>[0-9]{1,12})\^[^<>]*>
    | <(?P<sign>[@\#!])(?P<id>[^|<>]*)(?:\|(?P<name>[^<>]*))?>
    | (?P<emoji>:[a-z0-9_+'-]{1,100}:)
    | (?:^|(?<=\n))(?P<quote>>|&gt;)[ ]?
    | (?<![\w*~`])(?P<mark>[*_~])(?=\S)(?P<inside>(?:(?!(?P=mark))[^\n])+)(?<=\S)(?P=mark)(?![\w*~`])
    """,
    re.VERBOSE | re.DOTALL,
)
_MARKS = {"*": "**", "_": "_", "~": "~~"}
_NESTED_MAX = 3
"""There are three marks, and none within itself."""


def markdown(value: object) -> str:
    """A text with marks and links as Discord's."""
    return _markdown(text(value), _NESTED_MAX).strip()


def unmarked(value: object) -> str:
    """What is read of a text: without marks, of links their labels."""
    return _unmarked(text(value), _NESTED_MAX).strip()


def links_of(value: object) -> list[str]:
    """The links in a text."""
    return [unescaped(found["link"]) for found in _TOKEN.finditer(text(value)) if found["link"]]


def unescaped(value: str) -> str:
    """What Slack wants escaped, as it was before."""
    return value.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _parts(value: str) -> list[re.Match[str] | str]:
    parts: list[re.Match[str] | str] = []
    end = 0
    for found in _TOKEN.finditer(value):
        parts += [value[end : found.start()], found]
        end = found.end()
    return [*parts, value[end:]]


def _markdown(value: str, nested: int) -> str:
    return "".join(
        plain(unescaped(each)) if isinstance(each, str) else _drawn(each, nested) for each in _parts(value) if each
    )


def _drawn(found: re.Match[str], nested: int) -> str:
    if mark := _MARKS.get(found["mark"] or ""):
        inside = _markdown(found["inside"], nested - 1) if nested else plain(found["inside"])
        return f"{mark}{inside}{mark}"
    return next((draw(found) for name, draw in _DRAWN.items() if found[name]), None) or plain(_named(found))


def _linked(found: re.Match[str]) -> str:
    link, label = unescaped(found["link"]), plain(unescaped(found["label"] or ""), links=False).strip()
    return f"[{label}]({link.replace('(', '%28').replace(')', '%29')})" if label else link


_DRAWN: dict[str, Callable[[re.Match[str]], str]] = {
    "block": lambda found: f"{code_block(unescaped(found['block']))}\n",
    "code": lambda found: f"`{in_code(unescaped(found['code']), 1)}`",
    "link": _linked,
    "moment": lambda found: f"<t:{found['moment']}:f>",
    "emoji": lambda found: found["emoji"],
    "quote": lambda _: "> ",
}


def _unmarked(value: str, nested: int) -> str:
    return "".join(unescaped(each) if isinstance(each, str) else _read(each, nested) for each in _parts(value) if each)


def _read(found: re.Match[str], nested: int) -> str:
    if found["mark"]:
        return _unmarked(found["inside"], nested - 1) if nested else found["inside"]
    if found["link"]:
        return unescaped(found["label"] or found["link"])
    if found["sign"]:
        return _named(found)
    return unescaped(found["block"] or found["code"] or found["emoji"] or "")


def _named(found: re.Match[str]) -> str:
    """A mention: it pings nobody here."""
    sign = "#" if found["sign"] == "#" else "@"
    return f"{sign}{unescaped(found['name'] or found['id'].split('^')[-1]).lstrip('@#')}"
