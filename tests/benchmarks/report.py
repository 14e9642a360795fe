"""Figures as tables: on a terminal, and in Markdown between two marks of a page."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from rich.bar import Bar
from rich.table import Table
from rich.text import Text

from tests.benchmarks.figures import Figure
from tests.benchmarks.row import Benchmark

BEGIN, END = "<!-- notifier-bench: what stands here is written by it -->", "<!-- notifier-bench ends -->"
BAR_COLUMNS = 16
BAR_GOALS = 2
"""The right end of a bar, as a multiple of the goal."""
COLUMNS = ("what", "measured", "goal", "against")
NOT_YET = "Not measured yet."
Cells = tuple[str, ...]


def number(value: float) -> str:
    """With as many digits as it is worth."""
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}" if value >= 10 else f"{value:,.2f}"


def amount(value: float, unit: str) -> str:
    """A value with its unit: ``1 request``, ``2 requests``."""
    if value == 1 and re.search(r"\w\ws$", unit):
        unit = unit[:-1]
    return f"{int(value):,} {unit}" if value == int(value) and unit != "×" else f"{number(value)} {unit}"


def goal(figure: Figure) -> str:
    """What the figure is to be at most."""
    row = figure.row
    return "" if row.goal is None else f"≤ {row.goal:,g} {row.unit}"


def parts(figure: Figure) -> str:
    """What it was made of, and those beside it."""
    row = figure.row
    beside = [f"{name} {amount(value, row.unit)}" for name, value in row.beside.items()]
    return "; ".join([*_measured(row.measured), *beside])


def _measured(values: Mapping[str, float]) -> list[str]:
    """A name ends with its unit, or with a colon: ``ours µs`` is ``ours 12 µs``, ``requests:`` is ``requests: 12``."""
    return [_named(name, value) for name, value in values.items()]


def _named(name: str, value: float) -> str:
    if name.endswith(":"):
        return f"{name} {amount(value, '').rstrip()}"
    name, unit = name.rsplit(" ", 1)
    return f"{name} {amount(value, unit)}"


def on_terminal(figures: Sequence[Figure]) -> Table:
    """A table with a bar for each: half of it is the goal."""
    table = Table("what", "measured", "goal", f"0 … {BAR_GOALS} × goal", box=None, pad_edge=False)
    for each in figures:
        row = each.row
        against = f"against {row.against}\n" if row.against else ""
        under = f"{against}{parts(each)}{_missing(each)}\n"
        text = Text(f"{row.what}\n").append(under, "dim")
        share = row.figure / row.goal if row.goal else (BAR_GOALS if not row.is_met else 0)
        bar = Bar(BAR_GOALS, 0, min(share, BAR_GOALS), width=BAR_COLUMNS, color="green" if row.is_met else "red")
        table.add_row(text, amount(row.figure, row.unit), goal(each), bar if row.goal is not None else "")
    return table


def _missing(figure: Figure) -> str:
    return f" ({figure.row.missing})" if figure.row.missing else ""


def short_table(figures: Sequence[Figure]) -> str:
    """For the README: the figures, and when, where and of which commit they were measured."""
    several = len({each.day for each in figures}) > 1
    columns = (*COLUMNS, "on") if several else COLUMNS
    rows = [(*_cells(each), *([each.day] if several else [])) for each in figures]
    return "\n".join([*markdown(columns, rows), "", _met(figures), _when(figures)]) if figures else NOT_YET


def long_table(figures: Sequence[Figure], benchmarks: Iterable[Benchmark]) -> str:
    """For its own page: each benchmark, how it is measured, and its figures with all that they were made of."""
    lines: list[str] = []
    for benchmark in benchmarks:
        about = f"{benchmark.about[:1].upper()}{benchmark.about[1:]}. {benchmark.how}"
        own = [each for each in figures if each.benchmark == benchmark.name]
        rows = [(*_cells(each), _code(parts(each))) for each in own]
        found = [*markdown((*COLUMNS, "of which"), rows), "", _when(own)] if own else [NOT_YET]
        lines += [f"### {benchmark.name}", "", about, "", *found, ""]
    return "\n".join(lines).rstrip()


def parts_table(figures: Sequence[Figure], names: Collection[str]) -> str:
    """Of some benchmarks, with all that their figures were made of."""
    own = [each for each in figures if each.benchmark in names]
    rows = [(_code(each.row.what), amount(each.row.figure, each.row.unit), _code(parts(each))) for each in own]
    return "\n".join([*markdown(("what", "measured", "of which"), rows), "", _when(own)]) if own else NOT_YET


def _cells(figure: Figure) -> Cells:
    row = figure.row
    wanted = goal(figure) if row.is_met else f"{goal(figure)}, not met"
    return _code(row.what), amount(row.figure, row.unit), wanted, _code(row.against)


def _met(figures: Sequence[Figure]) -> str:
    wanted = [each.row.is_met for each in figures if each.row.goal is not None]
    return f"Goals met: {sum(wanted)} of {len(wanted)}."


def _when(figures: Sequence[Figure]) -> str:
    by: dict[str, dict[str, set[str]]] = {}
    for each in figures:
        by.setdefault(each.machine, {}).setdefault(each.day, set()).add(each.commit)
    machines = (
        f"{' and '.join(f'{day}{_of(commits)}' for day, commits in sorted(days.items()))} on {machine}"
        for machine, days in by.items()
    )
    return f"Measured {'; '.join(machines)}."


def _of(commits: Collection[str]) -> str:
    known = sorted(filter(None, commits))
    noun = "commit" if len(commits) == 1 else "commits"
    return f" ({noun} {' and '.join([*known, *(['others'] if '' in commits else [])])})" if known else ""


def _code(text: str) -> str:
    return text.replace(".delay()", "`.delay()`").replace(".get()", "`.get()`")


def markdown(columns: Sequence[str], rows: Iterable[Cells]) -> Iterator[str]:
    """The lines of a table."""
    yield f"| {' | '.join(columns)} |"
    yield f"| {' | '.join('---' for _ in columns)} |"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def between_marks(page: str, *texts: str) -> str:
    """The page with these texts between its marks. Raises: ValueError: it has not as many."""
    outside = re.split(f"{re.escape(BEGIN)}.*?{re.escape(END)}", page, flags=re.DOTALL)
    if len(outside) != len(texts) + 1:
        raise ValueError(f"expected {len(texts)} times these marks: {BEGIN} and {END}")
    inside = [f"{BEGIN}\n\n{text}\n\n{END}" for text in texts]
    return "".join(each for pair in zip_longest(outside, inside, fillvalue="") for each in pair)


def as_json(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """For programs."""
    return [each.as_dict() for each in figures]
