"""The files of an alert, in the forms in which a caller may give them."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from notifier.message_parts import MessageFile, unknown_parts
from notifier.texts import is_text, text_of

FILES_MAX = 9
"""Discord takes ten (Discord docs, reference.mdx); one is kept for a text that is too long."""
GIVEN_MAX = 40
"""Ours: of several times as many as Discord takes, the first that can be read are taken."""
BYTES_MAX = 5_500_000
"""Ours: of all together; as base64 they are a third longer, and travel with the alert."""

FILE = ("name", "content", "content_type", "description")
Bytes = bytes | bytearray | memoryview
MessageFiles = tuple[MessageFile, ...]


def files_of(value: object) -> tuple[MessageFiles, list[str]]:
    """The files, and what was left out of what was given, in words.

    One is a ``MessageFile``, a ``Path`` (read now), bytes, a text, an open file, a pair of name and content (and
    type), or a mapping of its parts. Many are anything that gives them one by one, or a mapping of names and contents.
    A text is the content, never a path: it may come from elsewhere.
    """
    if value is None:
        return (), []
    items = list(islice(_each(value), GIVEN_MAX + 1))
    found: list[MessageFile] = []
    problems = [f"only the first {GIVEN_MAX} looked at"] if len(items) > GIVEN_MAX else []
    for number, each in enumerate(items[:GIVEN_MAX], start=1):
        try:
            file = _file(dict(each) if isinstance(each, MessageFile) else each, number, problems)
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


def _each(value: object) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.items() if value.keys().isdisjoint(FILE) else [value]
    is_one = isinstance(value, str | MessageFile | Bytes) or _can_be_read(value) or _is_pair(value)
    return [value] if is_one or not isinstance(value, Iterable) else value


def _is_pair(value: object) -> bool:
    if not isinstance(value, tuple) or len(value) != 2 or not isinstance(value[0], str):
        return False
    return isinstance(value[1], str | Bytes) or _can_be_read(value[1])


def _can_be_read(value: object) -> bool:
    return isinstance(value, Path) or callable(getattr(value, "read", None))


def _file(value: Any, number: int, problems: list[str]) -> MessageFile:
    given: dict[str, Any] = {"content": value}
    if isinstance(value, Mapping):
        given = {text_of(name): each for name, each in value.items()}
        problems += unknown_parts(given, FILE)
    elif isinstance(value, tuple | list):
        given = dict(zip(FILE, value, strict=False))
    content = given.get("content")
    name = text_of(given.get("name")).strip()
    if not name and _can_be_read(content):
        name = Path(text_of(getattr(content, "name", ""))).name
    content = _content(content)
    parts = {key: text_of(given[key]).strip() or None for key in FILE[2:] if key in given}
    return MessageFile.model_validate({"name": name or _name(content, number), "content": content, **parts})


def _content(value: Any) -> Any:
    if isinstance(value, Path):
        with value.open("rb") as file:
            return file.read(BYTES_MAX + 1)
    if _can_be_read(value):
        return _content(value.read(BYTES_MAX + 1))
    if isinstance(value, Bytes):
        return bytes(value)
    if isinstance(value, Mapping) and value.keys() == {"base64"}:
        return value
    return text_of(value)


def _name(content: object, number: int) -> str:
    return f"file-{number}.{'txt' if is_text(content) else 'bin'}"
