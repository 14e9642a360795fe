"""The pages that hold figures: README.md, docs/benchmarks.md and docs/scale.md.

``uv run python -m tests.benchmarks.pages`` writes them anew from the figures that are kept, without measuring.
"""

from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks import million, report
from tests.benchmarks.figures import Figure, kept
from tests.benchmarks.lab import ROOT
from tests.benchmarks.rows import BENCHMARKS

README = ROOT / "README.md"
PAGE = ROOT / "docs" / "benchmarks.md"
SCALE = ROOT / "docs" / "scale.md"


def texts(figures: Sequence[Figure], short: Path = README) -> dict[Path, tuple[str, ...]]:
    """What stands between the marks of each page."""
    day = report.markdown(("of the machines", "formula", "is"), million.cells(figures))
    return {
        short: (report.short_table([each for each in figures if each.benchmark != "scale"]),),
        PAGE: (report.long_table(figures, BENCHMARKS),),
        SCALE: (report.parts_table(figures, ("scale", "far")), "\n".join(day) if figures else report.NOT_YET),
    }


def write(figures: Sequence[Figure], short: Path = README) -> None:
    """Write them. Raises: ValueError: one has not the marks."""
    for page, between in texts(figures, short).items():
        page.write_text(report.between_marks(page.read_text(encoding="utf-8"), *between), encoding="utf-8")


if __name__ == "__main__":
    write(kept())
