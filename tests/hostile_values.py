"""Values that break who reads them: naughty strings, every type that Python has built in, structures.

``naughty_strings/blns.json`` is the Big List of Naughty Strings, under its own licence (MIT):
github.com/minimaxir/big-list-of-naughty-strings.
"""

import array
import builtins
import collections
import datetime
import decimal
import fractions
import functools
import io
import ipaddress
import itertools
import json
import logging
import pathlib
import re
import sys
import threading
import types
import unicodedata
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tests.hostile_classes import (
    Endless,
    FalseClass,
    Flags,
    Long,
    Mapping,
    NoText,
    Number,
    Opaque,
    Pair,
    Raises,
    Recursive,
    Scalar,
    Vector,
    Word,
)

NAUGHTY: list[str] = json.loads(pathlib.Path(__file__).with_name("naughty_strings").joinpath("blns.json").read_text())
EDGES = (1, 256, 257, 1025, 2049, 4097, 6001)
UNITS = (
    "x",
    "é",
    "🎵",
    "👩\u200d👩\u200d👧",
    "e\u0301",
    "🇩🇪",
    "\u200b",
    " ",
    "\n",
    "\0",
    "`",
    "*",
    "|",
    "\ud800",
    "\\",
    "<@1>",
)
LINES = (
    "javascript:alert(1)",
    "http://[::1",
    "https://?q=1",
    "http://a",
    "https://a.b/\u202e",
    "file:///etc/passwd",
    "//a",
)
CONTROLS = [
    chr(each) for each in (*range(32), *range(127, 160), *range(0x2000, 0x2070), 0xFEFF, 0xFFFE, 0xFFFF, 0x1FFFF)
]
"""Also the spaces and marks that draw nothing, and what is no character."""


def raised(error: BaseException) -> BaseException:
    """The same with a traceback."""
    try:
        raise error
    except BaseException as caught:
        return caught


def _cycle_of_errors() -> BaseException:
    one, other = raised(ValueError("one")), raised(ValueError("other"))
    one.__cause__, other.__cause__ = other, one
    return one


def _nested(wrap: Callable[[Any], Any], depth: int) -> Any:
    found: Any = "x"
    for _ in range(depth):
        found = wrap(found)
    return found


def _cycle() -> Any:
    found: dict[str, Any] = {}
    found["a"] = [found]
    return found


def _closed(file: io.BytesIO) -> io.BytesIO:
    file.close()
    return file


def _objects() -> Iterator[Any]:
    """One of each kind, beyond what has no surprise."""
    yield from (Raises(each) for each in (ValueError, TypeError, RecursionError, MemoryError, AttributeError, KeyError))
    yield from (Opaque(), FalseClass(), NoText(), Recursive(), Word("word"), Number(5), Vector(), Scalar())
    yield from (Mapping(a=1), Pair("a", Pair("b", None)), Pair, Flags.ONE | Flags.TWO, Flags.ONE, Flags)
    yield from (raised(ValueError("x" * 100_000)), _cycle_of_errors(), raised(KeyboardInterrupt()), SystemExit(3))
    yield from (raised(ExceptionGroup("g", [ValueError(1), KeyError("x")])), (ValueError, ValueError("x"), None))
    yield from (_nested(lambda each: [each], 50_000), _nested(lambda each: {"a": each}, 50_000), _cycle())
    yield from (
        10**10_000,
        -(10**10_000),
        decimal.Decimal("1e999999"),
        decimal.Decimal("sNaN"),
        fractions.Fraction(1, 3),
    )
    yield from (float("inf"), float("-inf"), float("nan"), 1e308, -0.0, 1j, 2**63, 2**64, -1, True, False, None, ...)
    yield from (memoryview(b"abc")[::2], memoryview(array.array("d", [1])), array.array("i", [1]))
    yield from (
        datetime.datetime.max,
        datetime.datetime.min,
        datetime.date.max,
        datetime.time.max,
        datetime.timedelta.max,
    )
    yield datetime.datetime.max.replace(tzinfo=datetime.timezone(-datetime.timedelta(hours=12)))
    yield from (io.BytesIO(b"x"), _closed(io.BytesIO()), io.StringIO("x"), sys.stdout, pathlib.Path("/dev/zero"))
    yield from (
        pathlib.Path("/"),
        pathlib.Path("a\0b"),
        pathlib.Path("/nowhere"),
        ipaddress.ip_address("::1"),
        uuid.UUID(int=5),
    )
    yield from (threading.Lock(), weakref.ref(Pair), sys, sys._getframe(), (lambda: 1).__code__, re.compile("a"))
    yield from (functools.partial(print), re.match("a", "a"), logging.makeLogRecord({"msg": "a %s", "args": ("b",)}))
    yield from ((each for each in (1, 2)), {1: 2, None: 3, (1,): 4, b"\xff": 5, "\ud800": 6}, iter([]))
    yield from (collections.deque([1]), collections.Counter("ab"), collections.ChainMap({"a": 1}), {1: 2}.keys())
    yield from (types.MappingProxyType({"a": 1}), types.SimpleNamespace(name="n", value="v"), int | str, list[int])
    yield from ([], {}, (), set(), [None, {"a": None}], ["", " "], [()], [("a", "b", "c", "d", "e")], [{}], [[]])
    yield from (
        [{"name": None, "value": None, "inline": None}],
        {"name": 1},
        [{"Host": "db1"}, {"Port": 5}],
        [1, "a", None],
    )
    for each in vars(builtins).values():
        yield each
        if isinstance(each, type):
            try:
                yield each()
            except (TypeError, RuntimeError):
                continue


def _huge() -> Iterator[Any]:
    """More than is kept of an alert, or without an end."""
    yield from (Long(), Endless(), range(10**12), itertools.count(), itertools.repeat({"name": "n", "value": "v"}))
    yield from ([[[list(range(50))] * 50] * 50] * 20, [{"name": "n", "value": list(range(9_000))}] * 2_000)
    yield from ([{"name": "n", "value": "v"}] * 20_000, {str(each): "x" * 2_000 for each in range(9_000)})
    yield from ({str(each): "x" * 1_000_000 for each in range(500)})
    yield from ("é" * 9_000_000, b"\xff" * 9_000_000, "\0" * 3_000_000, '"' * 9_000_000, "\ud800" * 5_000_000)


def _texts() -> Iterator[str]:
    yield from NAUGHTY
    yield from CONTROLS
    yield from (f"a{each}b" for each in CONTROLS)
    yield from (unit * length for unit in UNITS for length in EDGES)
    categories = {unicodedata.category(chr(each)): chr(each) for each in range(0x110000)}
    yield from categories.values()
    yield from LINES


WRAPS: tuple[Callable[[Any], Any], ...] = (
    lambda value: [value],
    lambda value: {"a": value},
    lambda value: Pair(value, value),
    lambda value: ValueError(value),
    lambda value: [{"name": value, "value": value, "inline": value}],
    lambda value: (value, value),
    lambda value: {"name": value, "url": value, "icon_url": value, "content": value},
    lambda value: {"question": value, "answers": [value], "hours": value},
)


def hostile_values() -> Iterator[Any]:
    """Each value, and each inside another that holds it."""
    return _wrapped(itertools.chain(_texts(), _objects()))


def huge_values() -> Iterator[Any]:
    """The same of values that are too large for an alert. They are made while they are read."""
    return _wrapped(_huge())


def _wrapped(values: Iterable[Any]) -> Iterator[Any]:
    for wrap, value in zip(itertools.cycle(WRAPS), values, strict=False):
        yield value
        yield wrap(value)
