"""The files of an alert, in the forms in which a caller may give them."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from notifier.message_parts import MessageFile, unknown_part
from notifier.texts import is_text, text_of

FILES_MAX = 9
"""Discord takes ten (Discord docs, reference.mdx); one is kept for a text that is too long."""
GIVEN_MAX = 40
"""Ours: of several times as many as Discord takes, the first that can be read are taken."""
BYTES_MAX = 5_500_000
"""Ours: of all together; as base64 they are a third longer, and travel with the alert."""

BASE64 = "base64"
PARTS = tuple(MessageFile.model_fields)
ONE = (str, bytes, bytearray, memoryview, Mapping, Path, BaseModel)
"""What is one file, though it has items."""

MessageFiles = tuple[MessageFile, ...]


def files_of(value: object) -> tuple[MessageFiles, list[str]]:
    """The files, and what was left out of what was given, in words.

    One is a ``MessageFile``, a ``Path`` (read now), bytes, a text, an open file, a pair of name and content, or a
    mapping of its parts; any other mapping is of names and contents. A text is the content, never a path: it may come
    from elsewhere.
    """
    if value is None:
        return (), []
    if isinstance(value, Mapping) and not any(name in value for name in (*PARTS, BASE64)):
        value = value.items()
    is_many = isinstance(value, Iterable) and not isinstance(value, ONE) and not _is_open(value) and not _is_pair(value)
    items = list(islice(value, GIVEN_MAX + 1)) if is_many else [value]  # type: ignore[call-overload]
    problems = [f"only the first {GIVEN_MAX} looked at"] if len(items) > GIVEN_MAX else []
    found: list[MessageFile] = []
    for number, each in enumerate(items[:GIVEN_MAX], start=1):
        try:
            file = _file(each, number, problems)
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


def _is_pair(value: object) -> bool:
    is_pair = isinstance(value, tuple) and len(value) == 2
    return is_pair and isinstance(value[0], str) and isinstance(value[1], str | bytes)  # type: ignore[index]


def _is_open(value: object) -> bool:
    return callable(getattr(value, "read", None))


def _file(value: Any, number: int, problems: list[str]) -> MessageFile:
    if isinstance(value, MessageFile):
        value = dict(value)
    if isinstance(value, Mapping):
        for name in value.keys() - set(PARTS) - {BASE64}:
            problems.append(f"file {number}: {unknown_part(text_of(name), PARTS)}")
        content, more = value.get("content"), ("content_type", "description")
        parts = {key: text_of(value[key]).strip() or None for key in more if key in value}
        return _made(number, value.get("name"), content, **parts)
    if isinstance(value, tuple | list):
        name, content, *_ = value
        return _made(number, name, content)
    if isinstance(value, Path) or _is_open(value):
        return _made(number, Path(text_of(getattr(value, "name", ""))).name, value)
    return _made(number, None, value)


def _made(number: int, name: object, content: object, **parts: str | None) -> MessageFile:
    found = _content(content)
    kind = "txt" if is_text(content) else "bin"
    name = text_of(name).strip() or f"file-{number}.{kind}"
    return MessageFile.model_validate({"name": name, "content": found, **parts})


def _content(value: Any) -> Any:
    if isinstance(value, Path):
        with value.open("rb") as file:
            return file.read(BYTES_MAX + 1)
    if _is_open(value):
        value = value.read(BYTES_MAX + 1)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, Mapping) and value.keys() == {BASE64}:
        return value
    return text_of(value)
