"""The text of any value that somebody may give: it never raises, and it ends, whatever the value's methods do."""

import dataclasses
import json
import re
import traceback
from collections.abc import Iterable, Mapping, Set
from datetime import date, datetime, time
from enum import Enum
from typing import Any, TypeGuard, TypeVar

from pydantic_core import to_json

T = TypeVar("T")

CHARACTERS_MAX = 8 * 2**20
"""Ours: of one text: an alert has no more bytes."""
ITEMS_MAX = 10_000
DEPTH_MAX = 12
"""Ours: items of one list or mapping, and how deep they may lie in each other; a mark stands for the rest."""
DIGITS_BITS_MAX = 8_000
"""Ours: longer numbers are hexadecimal; Python refuses to write them in decimal."""
MORE = "…"
_BROKEN = "[\ud800-\udfff]"
_PLAIN = (int, float, bool, type(None))


class DiscordTime:
    """A moment that each reader sees in their own time zone.

    Args:
        moment: naive times are UTC.
        style: ``t T d D f F R`` (relative), as Discord names them (Discord docs, reference.mdx, Timestamp Styles).
    """

    def __init__(self, moment: datetime, style: str = "f") -> None:
        from datetime import UTC

        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        self.markdown = f"<t:{int(seconds)}:{style}>"

    def __str__(self) -> str:
        return self.markdown


def is_a(value: object, kind: type[T]) -> TypeGuard[T]:
    """``isinstance``, which a value's own ``__class__`` may break."""
    try:
        return isinstance(value, kind)
    except Exception:  # of the value's own methods
        return False


def is_text(value: object) -> bool:
    """Whether it is a text in its writer's own words, and so Discord's Markdown."""
    return (is_a(value, str) or is_a(value, DiscordTime)) and not is_a(value, Enum)


def text_of(value: object, walk: "Walk | None" = None) -> str:
    """The text of a value, without half characters; '' for None. ``walk``: bounds its parts together with others."""
    try:
        return clean(_text(value, walk))
    except Exception:  # of the value's own methods
        return f"<{type(value).__name__}>"


def clean(text: str) -> str:
    """The text without half characters (lone surrogates), and no longer than ``CHARACTERS_MAX``."""
    text = text[:CHARACTERS_MAX] + MORE if len(text) > CHARACTERS_MAX else text
    return text if text.isascii() else re.sub(_BROKEN, "\ufffd", text)


def json_of(value: object) -> str:
    """A value as JSON without space, in a fifth of the time that Python takes for it."""
    try:
        return to_json(value).decode()
    except ValueError:  # half of a character
        return json.dumps(value, separators=(",", ":"))


def traceback_of(error: BaseException) -> str:
    """What Python prints of an exception; '' if it was never raised."""
    if error.__traceback__ is None:
        return ""
    try:
        return clean("".join(traceback.format_exception(error)).rstrip())
    except Exception:  # of its own __str__, or of a cause's
        return text_of(error)


def is_broken(value: object, text: str) -> bool:
    """Whether characters had to be replaced in its text."""
    if type(value) is str:
        return text is not value and re.search(_BROKEN, value) is not None
    return type(value) in (bytes, bytearray) and "\ufffd" in text and "\ufffd".encode() not in value  # type: ignore[operator]


def jsonable(value: object) -> Any:
    """The value as JSON can hold it: what has no form there is its text."""
    return Walk().of(value)


class Walk:
    """Through values and their parts, as far as so many items and characters, and ``DEPTH_MAX``; ``…`` is the rest.

    What it makes of its own work is the same again. ``is_cut``: whether anything was left out.
    """

    def __init__(self, items: int = ITEMS_MAX, characters: int = CHARACTERS_MAX) -> None:
        self._items, self._characters = items, characters
        self.is_cut = False

    def text(self, value: object) -> str:
        """As ``text_of``."""
        return self._more() if self._is_spent() else self._taken(text_of(value, self))

    def of(self, value: object, depth: int = 0, seen: frozenset[int] = frozenset()) -> Any:
        """As ``jsonable``."""
        if self._is_spent():
            return self._more()
        self._items -= 1
        if type(value) in _PLAIN:
            number = _number(value)
            return self._taken(number) if isinstance(number, str) else number
        if is_text(value):
            return self._taken(text_of(value))
        if id(value) in seen or depth > DEPTH_MAX:
            return self._more()
        try:
            return self._structure(_unwrapped(value), depth + 1, seen | {id(value)})
        except Exception:  # of the value's own methods
            return self._taken(clean(_shown(value)))

    def _structure(self, value: object, depth: int, seen: frozenset[int]) -> Any:
        if isinstance(value, Mapping):
            found: dict[str, Any] = {}
            for key, each in value.items():
                if self._is_spent():
                    return found | {MORE: self._more()}
                found[self._taken(text_of(key))] = self.of(each, depth, seen)
            return found
        if isinstance(value, list | tuple | Set):
            items = []
            for each in value:
                items.append(self.of(each, depth, seen))
                if items[-1] == MORE and self._is_spent():
                    break
            return items
        return self._taken(clean(_shown(value) if _has_parts(value) else _text(value, self)))

    def _is_spent(self) -> bool:
        return self._items <= 0 or self._characters <= 0

    def _taken(self, text: str) -> str:
        if len(text) > self._characters:
            text, self.is_cut = text[: max(self._characters, 0)] + MORE, True
        self._characters -= len(text)
        return text

    def _more(self) -> str:
        self.is_cut = True
        self._characters -= len(MORE)
        return MORE


def _unwrapped(value: object) -> object:
    """The fields of what has some."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    if hasattr(type(value), "model_fields") and hasattr(value, "__dict__"):  # pydantic's
        return dict(value.__dict__)
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return value._asdict()
    return value


def _number(value: Any) -> Any:
    if isinstance(value, float) and value - value != 0:  # infinite, or no number
        return str(value)
    return value if not isinstance(value, int) or value.bit_length() < DIGITS_BITS_MAX else hex(value)


def _text(value: object, walk: Walk | None) -> str:  # noqa: PLR0911 - a table as code
    match value:
        case None:
            return ""
        case int() if value.bit_length() >= DIGITS_BITS_MAX:
            return hex(value)
        case bytes() | bytearray() | memoryview():
            return bytes(value).decode(errors="replace")
        case Enum():
            return value.name if not isinstance(value.value, str) else value.value
        case str():
            return str.__str__(value) if type(value) is str else _shown(value)
        case BaseException():
            said = _shown(value)
            return f"{type(value).__name__}: {said}" if said else type(value).__name__
        case datetime() | date() | time():
            return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    if _has_parts(value):
        return _of_parts(value, walk or Walk())
    return _shown(value)


def _has_parts(value: object) -> bool:
    is_model = dataclasses.is_dataclass(value) or hasattr(type(value), "model_fields")
    return isinstance(value, Mapping | list | tuple | Set) or (is_model and not isinstance(value, type))


def _of_parts(value: object, walk: Walk) -> str:
    """A list one item a line, all else as JSON."""
    found = walk.of(value)
    if isinstance(found, list):
        return "\n".join(each if isinstance(each, str) else _json(each) for each in _lines(found))
    return found if isinstance(found, str) else _json(found)


def _lines(items: Iterable[Any]) -> Iterable[Any]:
    return ("" if each is None else each for each in items)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _shown(value: object) -> str:
    """What str() or repr() say, if they say anything."""
    for say in (str, repr):
        try:
            return str.__str__(say(value))
        except Exception:  # noqa: S112 - of the value's own methods: the next is asked
            continue
    return f"<{type(value).__name__}>"
