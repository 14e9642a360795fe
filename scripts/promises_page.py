"""Writes ``docs/promises.md`` from ``tests/promises``: ``uv run python -m scripts.promises_page``."""

from collections.abc import Iterator
from pathlib import Path

from scripts.promises import FOLDER, Promise, sections
from scripts.written import write_or_check

PAGE = Path(__file__).parents[1] / "docs" / "promises.md"
MUTANTS = FOLDER / "mutants.md"
"""What mutation runs have come to; written by hand."""
HEAD = """# The promises and their tests

What this program promises, and the tests that go red when it is broken. Of {tested} promises {broken} can be broken on purpose, in {breaks} ways:
`uv run python -m scripts.break_promises` makes each small change in a copy, and sees that the tests of that promise fail.

They stand in `tests/promises`, and `scripts/promises_page.py` writes this page. A test sees that each promise has tests, that each test exists, and that
each change still has its place in the code.
"""


def page() -> str:
    """The text of the page."""
    found = sections()
    promises = [promise for section in found for promise in section.promises]
    head = HEAD.format(
        tested=len(promises),
        broken=sum(bool(each.breaks) for each in promises),
        breaks=sum(len(each.breaks) for each in promises),
    )
    tables = (f"\n## {each.title}\n\n" + "\n".join(_table(each.promises)) + "\n" for each in found)
    return head + "".join(tables) + "\n" + MUTANTS.read_text(encoding="utf-8")


def _table(promises: tuple[Promise, ...]) -> Iterator[str]:
    yield "| promise | tests | ways to break it |"
    yield "| --- | --- | --- |"
    for each in promises:
        yield f"| {each.says} | {'<br>'.join(map(_link, each.tests))} | {len(each.breaks) or ''} |"


def _link(test: str) -> str:
    file, _, name = test.partition("::")
    return f"[{name.rpartition('::')[2].removeprefix('test_').replace('_', ' ')}](../{file})"


if __name__ == "__main__":
    write_or_check(PAGE, page(), "promises_page")
