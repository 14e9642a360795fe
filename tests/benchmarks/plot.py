"""Figures as a picture: each as a bar, as a multiple of its goal."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

import matplotlib as mpl

from tests.benchmarks.figures import Figure
from tests.benchmarks.report import amount, goal

mpl.use("agg")  # no window
INCHES_WIDE, INCHES_A_BAR = 11, 0.55
NAME_COLUMNS = 44
SHARE_MAX, LABEL_SHARES = 3, 2
"""Where a bar ends at the latest, and the room for what stands beside it; as multiples of the goal."""


def draw(figures: Sequence[Figure], file: Path) -> None:
    """Write the picture; its kind is what the name of the file ends with (svg, png, pdf).

    Raises: ValueError: a kind that is not known.
    """
    from matplotlib import pyplot

    shown = [each for each in figures if each.row.goal][::-1]
    shares = [min(each.row.figure / (each.row.goal or 1), SHARE_MAX) for each in shown]
    picture, axes = pyplot.subplots(figsize=(INCHES_WIDE, 1.2 + INCHES_A_BAR * len(shown)), layout="constrained")
    names = ["\n".join(wrap(each.row.what, NAME_COLUMNS)) for each in shown]
    bars = axes.barh(names, shares, color=["#2e7d32" if each.row.is_met else "#c62828" for each in shown])
    labels = [f"{amount(each.row.figure, each.row.unit)} (goal {goal(each)})" for each in shown]
    axes.bar_label(bars, labels, padding=4)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlim(0, SHARE_MAX + LABEL_SHARES)
    axes.set_xticks(range(SHARE_MAX + 1))
    axes.set_xlabel(f"multiple of the goal, up to {SHARE_MAX}; less is better")
    axes.set_title(" and ".join(sorted({f"{each.day}, {each.machine}" for each in shown})), fontsize=8)
    picture.savefig(file)
    pyplot.close(picture)
