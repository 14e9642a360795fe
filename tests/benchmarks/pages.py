"""The pages that hold figures: README.md and docs/benchmarks.md.

``uv run python -m tests.benchmarks.pages`` writes them anew from the figures that are kept, without measuring.
"""

from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks import report
from tests.benchmarks.figures import Figure, kept
from tests.benchmarks.lab import ROOT
from tests.benchmarks.rows import BENCHMARKS

README = ROOT / "README.md"
PAGE = ROOT / "docs" / "benchmarks.md"


def texts(figures: Sequence[Figure], short: Path = README) -> dict[Path, str]:
    """What stands between the marks of each page: of a short one, and of ours."""
    return {short: report.short_table(figures), PAGE: report.long_table(figures, BENCHMARKS)}


def write(figures: Sequence[Figure], short: Path = README) -> None:
    """Write both. Raises: ValueError: one has no marks."""
    for page, text in texts(figures, short).items():
        page.write_text(report.between_marks(page.read_text(encoding="utf-8"), text), encoding="utf-8")


if __name__ == "__main__":
    write(kept())
