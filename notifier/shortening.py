"""An alert that is larger than what is kept of one: its longest texts are shortened, and it says so."""

import json
from collections.abc import Iterable
from typing import Any

from notifier.message_parts import MessageFile
from notifier.texts import MORE, clean

Given = dict[str, Any]
TEXTS = ("title", "message", "source", "content", "thread_name", "traceback")
LINKS = ("username", "url", "avatar_url", "footer_icon")
PARTS = ("metadata", "files", "poll", "buttons", "author", *LINKS, "applied_tags")
"""Parts that may be large, and are left out as a whole."""
SHORT_CHARACTERS = 1_000_000
"""Ours: fewer characters together cannot be too many bytes."""
FIELD_BYTES = 70
"""Of a field in JSON, beside its texts."""
REST_BYTES = 100_000
"""Ours: more than all else takes: what is said in ``adjusted``, mentions, names."""


def shortened(given: Given, bytes_max: int) -> Given:
    """The same within so many bytes of JSON: what is largest is shortened or left out until it fits, and is told."""
    if _is_small(given):
        return given
    parts = {each: _bytes(given[each]) for each in PARTS if given.get(each)}
    bytes_max -= REST_BYTES + FIELD_BYTES * len(given.get("fields", ()))
    while True:
        places = _places(given)
        texts = [_bytes(holder[name]) for holder, name, _ in places]
        room = bytes_max - sum(parts.values())
        if sum(texts) <= room:
            return given
        largest = max(parts, key=lambda each: parts[each], default="")
        if largest and (parts[largest] > max(texts, default=0) or room < bytes_max // 10):
            _say(given, f"{largest}: left out: too large")
            del given[largest], parts[largest]
        else:
            # they and the parts need not have the same density: a bit is kept free, else it takes many rounds
            _shorten(given, places, texts, level(texts, room * 9 // 10))


def level(sizes: Iterable[int], room: int) -> int:
    """The greatest size to which all that are larger may be cut, so that they have room together; 1 at least."""
    left = sorted(sizes)
    for number, size in enumerate(left):
        share = room // (len(left) - number)
        if size > share:
            return max(share, 1)
        room -= size
    return max(room, 1)


def _shorten(given: Given, places: list[tuple[Given, str, str]], sizes: list[int], size_max: int) -> None:
    for (holder, name, told), size in zip(places, sizes, strict=True):
        if size > size_max:
            text = holder[name]
            holder[name] = clean(text[: len(text) * size_max // size]) + MORE
            _say(given, told)


def _bytes(value: object) -> int:
    return len(json.dumps(value, default=_as_text, ensure_ascii=False).encode())


def _as_text(value: object) -> str:
    if isinstance(value, MessageFile):
        return "x" * (len(value.content) * 4 // 3) + f"{value.name}{value.content_type}{value.description}"
    return str(value)


def _say(given: Given, text: str) -> None:
    if text not in given.get("adjusted", ()):
        given["adjusted"] = (*given.get("adjusted", ()), text)


def _places(given: Given) -> list[tuple[Given, str, str]]:
    """Where texts stand, and what is said if they are shortened."""
    places = [(given, name, f"{name}: shortened") for name in TEXTS if isinstance(given.get(name), str)]
    for field in given.get("fields", ()):
        if isinstance(field, dict):
            places += [(field, part, "fields: the longest shortened") for part in ("name", "value")]
    return places


def _is_small(given: Given) -> bool:
    """As nearly always."""
    if any(map(given.get, PARTS)):
        return False
    if not given.get("fields"):
        return sum(map(len, filter(None, map(given.get, TEXTS)))) < SHORT_CHARACTERS
    return sum(len(holder[name]) for holder, name, _ in _places(given)) < SHORT_CHARACTERS
