"""The promises: what each says, the tests that go red when it is broken, and ways to break it on purpose.

They stand in ``tests/promises/*.toml``. ``scripts/promises_page.py`` makes a page of them, and
``scripts/break_promises.py`` breaks each and sees its tests go red.
"""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "promises"
LINE = re.compile(r"^(class |(?:    )?(?:async )?def )(\w+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Break:
    """A small change, which breaks a promise: the text ``old``, which is there once, becomes ``new``.

    ``file``: its path, or a pattern of paths, for what may move from one file to another.
    """

    file: str
    old: str
    new: str

    def places(self, root: Path) -> list[Path]:
        """The files below this folder in which the text is, each as often as it is there."""
        return [path for path in sorted(root.glob(self.file)) for _ in range(_text(path).count(self.old))]


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise. ``tests``: each a test function as pytest names it, without parameters."""

    says: str
    tests: tuple[str, ...]
    breaks: tuple[Break, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """The promises of one file."""

    title: str
    promises: tuple[Promise, ...]


def sections() -> list[Section]:
    """All of them, in the order of the files."""
    read = [tomllib.loads(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.toml"))]
    return [Section(each["title"], tuple(_promise(**one) for one in each["promise"])) for each in read]


def _promise(says: str, tests: list[str], breaks: Sequence[dict[str, str]] = ()) -> Promise:
    return Promise(says, tuple(tests), tuple(Break(**each) for each in breaks))


def wrong(found: Sequence[Section]) -> list[str]:
    """What is wrong with them, as lines for people.

    A promise without a test, a test that is not there, a break that has no place in the code any more.
    """
    promises = [promise for section in found for promise in section.promises]
    twice = [f"{says!r} is there twice" for says, count in Counter(each.says for each in promises).items() if count > 1]
    return [*twice, *(line for each in promises for line in _wrong_with(each))]


def _wrong_with(promise: Promise) -> Iterator[str]:
    if not promise.tests:
        yield f"{promise.says!r} has no test"
    for test, count in Counter(promise.tests).items():
        if count > 1:
            yield f"{promise.says!r} names {test} twice"
        file, _, name = test.partition("::")
        if name not in found_in(file):
            yield f"{promise.says!r}: there is no test {test}"
    for each in promise.breaks:
        if (count := len(each.places(ROOT))) != 1:
            yield f"{promise.says!r}: {each.file} has {each.old!r} {count} times: name another break in tests/promises"
        if each.old == each.new:
            yield f"{promise.says!r}: a break changes nothing"


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


@cache
def found_in(file: str) -> frozenset[str]:
    """The tests of a file as pytest names them behind the file: by its lines, for to collect them takes seconds."""
    found, of_class = set[str](), ""
    for kind, name in LINE.findall(_text(ROOT / file)):
        if kind == "class ":
            of_class = name
        elif name.startswith("test_"):
            found.add(f"{of_class}::{name}" if kind.startswith(" ") else name)
    return frozenset(found)
