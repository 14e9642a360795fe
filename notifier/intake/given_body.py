"""A body as another program posts it: its values may be of any kind, and what cannot be read is named."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from notifier.errors import InvalidMessage
from notifier.given_incident import DEDUP_SECONDS_MAX
from notifier.message_parts import is_http_url
from notifier.texts import clean

TEXT_CHARACTERS = 100_000
"""Ours: of one text that a body is made of."""
KEY_CHARACTERS = 200
"""Ours: a longer part of a key is told by its digest."""
LINKS_CHARACTERS = 1_000
"""Of the 1,024 that Discord draws of a field's value; links are not to be cut."""

INLINE_CHARACTERS = 40
"""Ours: a longer value has a line of its own."""

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Taken:
    """An alert as a body tells it.

    ``usual_type``: its alert type, unless the address names one. ``occurrence``: tells this occurrence of its incident
    from others; what is posted again of the same one is no repeat. ``if_open``: it ends an incident that may not be.
    """

    fields: Fields
    usual_type: str | None = None
    occurrence: str | None = None
    if_open: bool = False

    def with_fields(self, **fields: Any) -> "Taken":
        """The same, with these fields."""
        return replace(self, fields={**self.fields, **fields})


Shape = Callable[[Any], list[Taken]]


def mapping(value: Any, name: str) -> Mapping[str, Any]:
    """An object. Raises InvalidMessage."""
    if not isinstance(value, Mapping):
        raise InvalidMessage(f"{name}: expected an object, not {type(value).__name__}")
    return value


def items(value: Any, name: str) -> list[Any]:
    """A list; none is an empty one. Raises InvalidMessage."""
    if not isinstance(value, list | None):
        raise InvalidMessage(f"{name}: expected a list, not {type(value).__name__}")
    return value or []


def text(value: Any) -> str:
    """A text or a number as a text, without half characters; '' if it is neither."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return clean(str(value)[:TEXT_CHARACTERS].strip())


def texts(value: Any) -> dict[str, str]:
    """The texts of an object, by name; none if it is no object."""
    found = value if isinstance(value, Mapping) else {}
    return {clean(str(name)[:TEXT_CHARACTERS]): told for name, each in found.items() if (told := text(each))}


def incident(*parts: Any, seconds: float | None = DEDUP_SECONDS_MAX) -> Fields:
    """What makes an alert one of an incident: the key has these parts.

    ``seconds``: after so many without an alert it is over. By default its program ends it; None: as for any alert.
    """
    told = [text(each).translate({ord("{"): "(", ord("}"): ")"}) for each in parts]
    short = [each if len(each) <= KEY_CHARACTERS else hashlib.sha256(each.encode()).hexdigest()[:32] for each in told]
    return {"dedup_key": "/".join(short), "dedup_seconds": seconds}


def details(values: Mapping[str, Any]) -> list[Fields]:
    """A field for each value that has a text."""
    return [
        {"name": name, "value": told, "inline": len(told) <= INLINE_CHARACTERS, "markdown": False}
        for name, value in values.items()
        if (told := text(value))
    ]


def links(**given: Any) -> list[Fields]:
    """A field of links, by their names; those that are none, and those for which there is no room, are left out."""
    found: list[str] = []
    for name, value in given.items():
        link = text(value).replace("(", "%28").replace(")", "%29").replace("<", "%3C").replace(">", "%3E")
        told = f"[{name}]({link})"
        if is_http_url(link) and sum(map(len, found)) + len(found) * 3 + len(told) <= LINKS_CHARACTERS:
            found.append(told)
    return [{"name": "Links", "value": " · ".join(found), "markdown": True}] if found else []
