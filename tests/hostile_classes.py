"""Classes whose values have methods that raise, lie, or do not end."""

import dataclasses
import enum
import itertools
from collections.abc import Iterator
from typing import Any


class Raises:
    """Each of its methods raises an error of the kind that it was made for."""

    def __init__(self, error: type[Exception]) -> None:
        self._error = error

    def _raise(self, *_: object) -> Any:
        raise self._error

    __str__ = __repr__ = __len__ = __iter__ = __bool__ = __int__ = __float__ = __eq__ = __getitem__ = __call__ = _raise
    __hash__ = _raise  # type: ignore[assignment]


class Opaque:
    """Has any attribute that is asked for, and can be called."""

    def __getattr__(self, name: str) -> "Opaque":
        return self

    def __call__(self, *_: object, **__: object) -> "Opaque":
        return self


class FalseClass:
    """Says of itself that it is of no class."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise ValueError


class NoText:
    """Its text is none."""

    def __str__(self) -> Any:
        return 5


class Recursive:
    """Its text is its own text."""

    def __str__(self) -> str:
        return str(self)

    __repr__ = __str__


class Long:
    """Its text has twenty million characters."""

    def __str__(self) -> str:
        return "x" * 20_000_000


class Word(str):
    """A text whose methods raise."""

    __slots__ = ()

    def strip(self, *_: object) -> str:
        raise ValueError

    __len__ = __eq__ = lower = encode = isascii = strip  # type: ignore[assignment]
    __hash__ = str.__hash__


class Number(int):
    """A number whose methods raise."""

    __slots__ = ()

    def __int__(self) -> int:
        raise ValueError

    __str__ = __repr__ = __float__ = __index__ = __int__  # type: ignore[assignment]


class Mapping(dict[Any, Any]):
    """A mapping whose methods raise."""

    def items(self) -> Any:
        raise ValueError

    keys = values = __iter__ = __len__ = items


class Endless(dict[Any, Any]):
    """A mapping that does not end."""

    def items(self) -> Any:
        return ((str(number), number) for number in itertools.count())

    def keys(self) -> Any:
        return map(str, itertools.count())


class Vector:
    """As numpy's: compared, it is a list; it is neither true nor false."""

    def __eq__(self, other: object) -> Any:
        return [True, False]

    def __bool__(self) -> bool:
        raise ValueError("the truth value of an array is ambiguous")

    def __iter__(self) -> Iterator[int]:
        return iter((1, 2))

    __hash__ = None  # type: ignore[assignment]


class Scalar:
    """As numpy's: a number that is none of Python's."""

    def __int__(self) -> int:
        return 5

    def __float__(self) -> float:
        return 5.0


class Flags(enum.Flag):
    """Several at once have no name of their own."""

    ONE = 1
    TWO = 2


@dataclasses.dataclass
class Pair:
    """A value with parts."""

    name: Any
    value: Any
