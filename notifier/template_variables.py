"""The variables that a template declares: their types, and what a caller's values become.

A value that has a text is a ``text``. Numbers, truth values, times, lists and mappings may be given as texts too, as a
command line gives them; lists and mappings then as JSON. A duration is in seconds.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from numbers import Number
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, model_validator

from notifier.texts import text_of

EMPTY = "–"
"""Stands for a text that has to be given and is empty, as in an empty field."""
TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
TypeName = Literal["text", "integer", "number", "boolean", "time", "duration", "list", "mapping", "any"]


class Variable(BaseModel):
    """One variable as a template declares it. Without a default it has to be given, unless ``required`` is false.

    A default with Jinja in it is made of the other variables.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    type: TypeName = "text"
    description: str = ""
    default: Any = None
    required: bool | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.required and self.has_default:
            raise ValueError("required, and it has a default")
        if self.has_default and not self.is_made:
            self.value_of(self.default)
        return self

    @property
    def has_default(self) -> bool:
        """Whether a value is there if none is given."""
        return "default" in self.model_fields_set

    @property
    def is_made(self) -> bool:
        """Whether its default is made of other variables."""
        return isinstance(self.default, str) and "{{" in self.default

    @property
    def is_required(self) -> bool:
        """Whether it has to be given."""
        return not self.has_default if self.required is None else self.required

    @property
    def described(self) -> str:
        """Its type and what it is."""
        return f"{self.type}: {self.description}" if self.description else self.type

    def value_of(self, given: object) -> Any:
        """What a template sees of a value. Raises ValueError: it has another type."""
        try:
            return _READ[self.type](given)
        except Exception:  # of the value's own methods too
            article = "an" if self.type[0] in "aeiou" else "a"
            shown = f"the text {given[:40]!r}" if isinstance(given, str) else f"{type(given).__name__}"
            raise ValueError(f"expected {article} {self.type}, not {shown}") from None


def values_of(declared: Mapping[str, Variable], given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The values of a template's variables, and what is wrong with those that were given, in words."""
    values, wrong = {}, [unknown(name, declared) for name in given if name not in declared]
    for name, variable in declared.items():
        value = given.get(name)
        empty = value is None or (isinstance(value, str) and not value.strip())
        if empty and not variable.is_required:
            has_value = variable.has_default and not variable.is_made
            values[name] = variable.value_of(variable.default) if has_value else None
        elif name not in given:
            wrong.append(missing(name, variable))
        elif empty and variable.type in ("text", "any"):
            values[name] = EMPTY
        else:
            try:
                values[name] = variable.value_of(value)
            except ValueError as error:
                wrong.append(f"{name!r}: {error}")
    return values, wrong


def missing(name: str, variable: Variable) -> str:
    """That a variable has to be given."""
    return f"{name!r} is missing ({variable.described})"


def unknown(name: str, known: Iterable[str]) -> str:
    """That a variable is not declared, and the one that may be meant."""
    near = get_close_matches(name, list(known), n=1)
    return f"{name!r} is no variable of it" + (f"; {near[0]}?" if near else "")


def _integer(value: object) -> int:
    if isinstance(value, str | bytes):
        return int(value)
    number = int(value)  # type: ignore[call-overload]
    if isinstance(value, bool) or number != value:
        raise ValueError
    return int(number)


def _number(value: object) -> Any:
    if isinstance(value, str | bytes):
        text = text_of(value).strip()
        return int(text) if text.lstrip("+-").isdecimal() else float(text)
    if isinstance(value, bool) or not isinstance(value, Number):
        raise TypeError
    return value


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    try:
        return TRUTH[text_of(value).strip().lower()]
    except KeyError:
        raise ValueError from None


def _time(value: object) -> datetime:
    if isinstance(value, str):
        text = value.strip()
        value = float(text) if text.replace(".", "", 1).isdecimal() else datetime.fromisoformat(text)
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = datetime.fromtimestamp(value, UTC)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        raise TypeError
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _duration(value: object) -> float:
    """In seconds."""
    return value.total_seconds() if isinstance(value, timedelta) else float(_number(value))


def _list(value: object) -> list[Any]:
    found = _of_json(value)
    if isinstance(found, Mapping) or not isinstance(found, Iterable):
        raise TypeError
    return list(found)


def _mapping(value: object) -> dict[str, Any]:
    found = _of_json(value)
    if not isinstance(found, Mapping):
        raise TypeError
    return {text_of(name): each for name, each in found.items()}


def _of_json(value: object) -> object:
    if not isinstance(value, str | bytes):
        return value
    try:
        return json.loads(value)
    except RecursionError:
        raise ValueError from None


_READ: dict[str, Callable[[object], Any]] = {
    "text": text_of,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "time": _time,
    "duration": _duration,
    "list": _list,
    "mapping": _mapping,
    "any": lambda value: value,
}
