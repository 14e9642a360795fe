"""The files of an alert, in the forms in which a caller may give them."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from notifier.message_parts import MessageFile
from notifier.texts import is_text, text_of

FILES_MAX = 9
"""Discord takes ten (Discord docs, reference.mdx); one is kept for a text that is too long."""
GIVEN_MAX = 40
"""Ours: of several times as many as Discord takes, the first that can be read are taken."""
BYTES_MAX = 5_500_000
"""Ours: of all together; as base64 they are a third longer, and travel with the alert."""

MessageFiles = tuple[MessageFile, ...]


def files_of(value: object) -> tuple[MessageFiles, list[str]]:
    """The files, and what was left out of what was given, in words.

    One is a ``MessageFile``, a ``Path`` (read now), bytes, a text, an open file, a pair of name and content, or a
    mapping of its parts. A text is the content, never a path: it may come from elsewhere.
    """
    if value is None:
        return (), []
    items = list(islice(value, GIVEN_MAX)) if isinstance(value, list | tuple | set) and not _is_pair(value) else [value]
    found: list[MessageFile] = []
    problems = [f"only the first {GIVEN_MAX} looked at"] if _is_longer(value, items) else []
    for number, each in enumerate(items, start=1):
        try:
            file = each if isinstance(each, MessageFile) else _file(each, number)
        except Exception as error:  # of a path or an open file, of whatever kind
            problems.append(f"file {number} left out ({type(error).__name__})")
            continue
        if len(found) == FILES_MAX:
            problems.append(f"file {number} left out: {FILES_MAX} at most")
        elif sum(len(other.content) for other in found) + len(file.content) > BYTES_MAX:
            problems.append(f"file {number} left out: more than {BYTES_MAX} bytes together")
        else:
            found.append(file)
    return tuple(found), problems


def _is_longer(value: object, items: list[Any]) -> bool:
    return isinstance(value, list | tuple | set) and len(items) == GIVEN_MAX < len(value)


def _is_pair(value: object) -> bool:
    is_pair = isinstance(value, tuple) and len(value) == 2
    return is_pair and isinstance(value[0], str) and isinstance(value[1], str | bytes)  # type: ignore[index]


def _file(value: Any, number: int) -> MessageFile:
    if isinstance(value, Path):
        with value.open("rb") as file:
            return MessageFile(name=value.name, content=file.read(BYTES_MAX + 1))
    if isinstance(value, Mapping):
        content = value.get("content")
        name = text_of(value.get("name")).strip() or _name(content, number)
        parts = {key: text_of(value[key]).strip() or None for key in ("content_type", "description") if key in value}
        return MessageFile(name=name, content=_content(content), **parts)
    if isinstance(value, tuple | list):
        name, content, *_ = value
        return MessageFile(name=text_of(name).strip() or _name(content, number), content=_content(content))
    if callable(getattr(value, "read", None)):
        content = value.read(BYTES_MAX + 1)
        name = Path(text_of(getattr(value, "name", ""))).name
        return MessageFile(name=name or _name(content, number), content=_content(content))
    return MessageFile(name=_name(value, number), content=_content(value))


def _content(value: object) -> Any:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, Mapping) and value.keys() == {"base64"}:
        return value
    return text_of(value)


def _name(content: object, number: int) -> str:
    return f"file-{number}.{'txt' if is_text(content) else 'bin'}"
