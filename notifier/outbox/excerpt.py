"""What a record keeps of a message whose texts are long: their beginnings, for the history is bounded in bytes."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from notifier.texts import json_of

TEXTS = ("title", "source", "content", "traceback", "thread_name")
WHOLE = ("author", "poll", "buttons", "files", "applied_tags", "plain", "adjusted")
"""Parts that are kept as they are, or not."""
LONG = (*TEXTS, *WHOLE, "fields", "metadata")
"""Parts that may be long, beside the text. All others together are some kilobytes at most."""
PARTS_MAX = 25
"""Ours: fields, and entries of the metadata, that are kept of too many."""
FIELDS_MAX = 200
"""Ours: names that are kept of far too many."""
MARK = "…"


def size(value: object) -> int:
    """Bytes of a value as JSON in UTF-8."""
    return len(json.dumps(value, ensure_ascii=False).encode(errors="replace"))


def excerpt(message: Mapping[str, Any], bytes_max: int) -> tuple[dict[str, Any], int | None]:
    """Keep the beginnings of long texts.

    Args:
        message: the fields of a notification, as JSON.
        bytes_max: what is kept of the text, in bytes of UTF-8; and as much of all other parts together.

    Returns:
        The fields, and None; or if something was cut, the bytes that all of them take.
    """
    if 2 * len(json_of(message).encode(errors="replace")) <= bytes_max:  # as nearly always; below, spaces count too
        return dict(message), None
    text, rest = str(message.get("message", "")), {name: message[name] for name in LONG if name in message}
    # field by field: as one text, all of them would take as much memory again
    rest_size = sum(map(size, rest.get("fields", ()))) + size({n: rest[n] for n in rest if n != "fields"})
    text_size = len(text.encode(errors="replace"))
    if text_size <= bytes_max and rest_size <= bytes_max:
        return dict(message), None
    kept = {name: value for name, value in message.items() if name not in rest}
    if text_size > bytes_max:
        kept["message"] = f"{beginning(text, bytes_max)}\n[the first {bytes_max} of {text_size} bytes are kept]"
    kept |= _fitted(rest, bytes_max) if rest_size > bytes_max else rest
    return kept, text_size + rest_size


def beginning(text: str, bytes_max: int) -> str:
    """The first bytes of a text, as far as they are whole characters; a mark stands for the rest."""
    data = text.encode(errors="replace")
    return text if len(data) <= bytes_max else data[: max(0, bytes_max)].decode(errors="ignore") + MARK


def shortened(fields: Mapping[str, Any], bytes_max: int) -> dict[str, Any]:
    """Fields of any form within so many bytes: the short ones whole, of the long ones the beginning of their text."""
    sizes = sorted((size({name: value}), name) for name, value in fields.items())[:FIELDS_MAX]
    kept: dict[str, Any] = {}
    room = bytes_max
    for position, (length, name) in enumerate(sizes):
        share = room // (len(sizes) - position)
        if length <= share:
            kept[name] = fields[name]
        elif (left := share - size({name: MARK})) > 0:
            value = fields[name]
            kept[name] = beginning(value if isinstance(value, str) else json.dumps(value), left)
        else:
            continue
        room -= min(length, share)
    return kept


def _fitted(rest: Mapping[str, Any], bytes_max: int) -> dict[str, Any]:
    kept = {name: value for name, value in rest.items() if name not in WHOLE}
    kept |= _fitting([(name, rest[name]) for name in WHOLE if name in rest], bytes_max // 4)
    room = bytes_max - size({name: kept[name] for name in WHOLE if name in kept})
    if "metadata" in kept:
        kept["metadata"] = dict(_fitting(kept["metadata"].items(), bytes_max // 2))
        room -= size(kept["metadata"])
    if "fields" in kept:
        kept["fields"] = [dict(each) for each in kept["fields"][:PARTS_MAX]]
    places: list[tuple[dict[str, Any], str]] = [(kept, name) for name in TEXTS if kept.get(name)]
    places += [(each, name) for each in kept.get("fields", ()) for name in ("name", "value")]
    # each gets an equal part of the room, and shares what shorter ones have left of theirs
    places.sort(key=lambda place: len(place[0][place[1]]))
    for position, (holder, name) in enumerate(places):
        holder[name] = beginning(holder[name], room // (len(places) - position))
        room = max(0, room - len(holder[name].encode(errors="replace")))
    return kept


def _fitting(entries: Iterable[tuple[str, Any]], room: int) -> Iterable[tuple[str, Any]]:
    """The shortest of them that fit together, none of them cut."""
    measured = sorted((size([name, value]), name, value) for name, value in entries)
    for length, name, value in measured[:PARTS_MAX]:
        room -= length
        if room < 0:
            return
        yield name, value
