"""A payload drawn on a terminal, about as Discord draws it: for development and for previews.

In colour and columns where ``rich`` is installed, in plain lines elsewhere. Control characters are shown, not obeyed.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TextIO

from notifier.counting import counted
from notifier.escaping import encodable, escaped, escaped_line
from notifier.render.batch import SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS, Payload

ROW_FIELDS = 3
"""Inline fields that Discord draws beside each other."""
BAR = "▌"
PLAIN_BAR = "|"
_CODE_OR_ESCAPE = re.compile(
    r"(?P<code>```.*?```|`[^`\n]+`)|\\(?P<mark>[!-/:-@\[-`{-~])|<(?P<link>https?://[^\s>]+)>", re.DOTALL
)


def draw(payload: Payload, file: TextIO) -> None:
    """Write a message and its files."""
    payload = replace(payload, body=_encodable(payload.body, getattr(file, "encoding", None)))
    try:
        _draw_in_colour(payload, file)
    except ModuleNotFoundError:
        file.writelines(f"{line}\n" for line in _lines(payload))
    file.flush()


def _encodable(part: Any, encoding: str | None) -> Any:
    """The same part of a payload, with texts that can be written in this character set."""
    if isinstance(part, str):
        return encodable(part, encoding)
    if isinstance(part, Mapping):
        return {name: _encodable(each, encoding) for name, each in part.items()}
    return [_encodable(each, encoding) for each in part] if isinstance(part, list | tuple) else part


def _read(text: str) -> str:
    """A text of Discord's Markdown as it is read there, as to escapes and links; other marks stay as they are."""
    return _CODE_OR_ESCAPE.sub(lambda found: found["code"] or found["mark"] or found["link"], text)


def _head(body: Mapping[str, Any]) -> str:
    name = escaped_line(body.get("username") or "(the webhook's name)")
    return f"{name}: {escaped(_read(body['content']))}" if body.get("content") else name


def _texts(embed: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The texts of an embed above and below its fields: what each is, and the text."""
    if author := embed.get("author"):
        yield "author", author["name"]
    yield "title", _read(embed.get("title", "")) + (f" ({embed['url']})" if "url" in embed else "")
    yield "description", _read(embed.get("description", ""))


def _tail(embed: Mapping[str, Any]) -> Iterator[str]:
    for name in ("thumbnail", "image"):
        if name in embed:
            yield f"[{name}: {escaped_line(embed[name]['url'])}]"
    footer = [embed.get("footer", {}).get("text", ""), embed.get("timestamp", "")]
    yield " | ".join(escaped_line(text) for text in footer if text)


def _rows(embed: Mapping[str, Any]) -> Iterator[Sequence[Mapping[str, Any]]]:
    """The fields, as many in a row as Discord draws in one."""
    row: list[Mapping[str, Any]] = []
    for field in embed.get("fields", ()):
        if row and (len(row) == ROW_FIELDS or not field["inline"] or not row[-1]["inline"]):
            yield row
            row = []
        row.append(field)
    if row:
        yield row


def _embeds(payload: Payload) -> Sequence[Mapping[str, Any]]:
    """Those that Discord draws."""
    is_suppressed = payload.body.get("flags", 0) & SUPPRESS_EMBEDS
    return () if is_suppressed else payload.body.get("embeds", ())


def _rest(payload: Payload) -> Iterator[str]:
    if name := payload.body.get("thread_name"):
        tags = ", ".join(payload.body.get("applied_tags", ()))
        yield f"new post: {escaped_line(name)}" + (f" (tags {tags})" if tags else "")
    if payload.body.get("flags", 0) & SUPPRESS_NOTIFICATIONS:
        yield "silent: nobody is notified"
    if payload.body.get("tts"):
        yield "read aloud"
    for row in payload.body.get("components", ()):
        yield " ".join(f"[{escaped_line(str(each.get('label', '')))}]" for each in row.get("components", ()))
    if poll := payload.body.get("poll"):
        answers = ", ".join(escaped_line(each["poll_media"]["text"]) for each in poll["answers"])
        yield f"poll: {escaped_line(poll['question']['text'])} ({answers})"
    for file in payload.files:
        yield f"file: {escaped_line(file.name)} ({counted(len(file.content), 'byte')})"


def _lines(payload: Payload) -> Iterator[str]:
    yield _head(payload.body)
    for embed in _embeds(payload):
        texts = [text for _, text in _texts(embed)]
        texts += [_read(f"{each['name']}: {each['value']}") for row in _rows(embed) for each in row]
        for text in [*map(escaped, texts), *_tail(embed)]:
            yield from (f"{PLAIN_BAR} {line}" for line in text.splitlines())
    yield from _rest(payload)


def _draw_in_colour(payload: Payload, file: TextIO) -> None:
    from rich.box import Box
    from rich.console import Console, Group, RenderableType
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    styles = {"author": "bold", "title": "bold underline"}
    left_bar = Box("\n".join([f"{BAR}   "] * 8))
    console = Console(file=file, highlight=False)
    console.print(Text(_head(payload.body), "bold"))
    for embed in _embeds(payload):
        texts = ((what, escaped(text)) for what, text in _texts(embed) if text)
        parts: list[RenderableType] = [Text(text, styles.get(what, "")) for what, text in texts]
        for row in _rows(embed):
            table = Table.grid(padding=(0, 2))
            table.add_row(*(Text(escaped(_read(each["name"])), "bold") for each in row))
            table.add_row(*(Text(escaped(_read(each["value"]))) for each in row))
            parts.append(table)
        parts += [Text(text, "dim") for text in _tail(embed) if text]
        console.print(Panel(Group(*parts), box=left_bar, border_style=f"#{embed.get('color', 0):06x}", expand=False))
    for line in _rest(payload):
        console.print(Text(line, "dim"))
