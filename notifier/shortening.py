"""An alert that is larger than what is kept of one: its longest texts are shortened, and it says so."""

import json
from typing import Any

from notifier.texts import MORE, clean

Given = dict[str, Any]
TEXTS = ("title", "message", "source", "content", "thread_name", "traceback")
LINKS = ("username", "url", "avatar_url", "footer_icon")
PARTS = ("metadata", "files", "poll", "buttons", "author", *LINKS, "applied_tags")
"""Parts that may be large, and are left out as a whole."""
SHORT_CHARACTERS = 1_000_000
"""Ours: fewer characters together cannot be too many bytes."""


def shortened(given: Given, bytes_max: int) -> Given:
    """The same within so many bytes of JSON: what is largest is halved or left out until it fits, and is told."""
    while _size(given) > bytes_max:
        holder, name, place = max(_places(given), key=lambda each: len(each[0][each[1]]))
        parts = {each: _bytes(given[each]) for each in PARTS if given.get(each)}
        largest = max(parts, key=lambda each: parts[each], default="")
        if parts.get(largest, 0) > _bytes(holder[name]):
            _say(given, f"{largest}: left out: too large")
            del given[largest]
        else:
            _say(given, f"{place}: shortened")
            holder[name] = clean(holder[name][: len(holder[name]) // 2]) + MORE
    return given


def _bytes(value: object) -> int:
    return len(json.dumps(value, default=_as_text, ensure_ascii=False).encode())


def _as_text(value: object) -> str:
    return (
        "x" * (len(content) * 4 // 3) if isinstance(content := getattr(value, "content", None), bytes) else str(value)
    )


def _say(given: Given, text: str) -> None:
    given["adjusted"] = tuple(dict.fromkeys((*given.get("adjusted", ()), text)))


def _places(given: Given) -> list[tuple[Given, str, str]]:
    places = [(given, name, name) for name in TEXTS if isinstance(given.get(name), str)]
    for number, field in enumerate(given.get("fields", ())):
        if isinstance(field, dict):
            places += [(field, part, f"fields.{number}.{part}") for part in ("name", "value")]
    return places


def _size(given: Given) -> int:
    texts = [holder[name] for holder, name, _ in _places(given)]
    parts = [given[name] for name in PARTS if given.get(name)]
    if not parts and sum(map(len, texts)) < SHORT_CHARACTERS:
        return 0  # as nearly always
    return _bytes([texts, parts])
