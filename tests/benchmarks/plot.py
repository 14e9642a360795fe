"""Figures as a picture: each as a bar, as a multiple of its goal."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl

from tests.benchmarks.figures import Figure
from tests.benchmarks.report import amount, goal

mpl.use("agg")  # no window
INCHES_WIDE, INCHES_A_BAR = 9, 0.45


def draw(figures: Sequence[Figure], file: Path) -> None:
    """Write the picture; its kind is what the name of the file ends with (svg, png, pdf).

    Raises: ValueError: a kind that is not known.
    """
    from matplotlib import pyplot

    shown = [each for each in figures if each.row.goal][::-1]
    shares = [each.row.figure / (each.row.goal or 1) for each in shown]
    picture, axes = pyplot.subplots(figsize=(INCHES_WIDE, 1.2 + INCHES_A_BAR * len(shown)), layout="constrained")
    bars = axes.barh(
        [each.row.what for each in shown], shares, color=["#2e7d32" if each.row.is_met else "#c62828" for each in shown]
    )
    axes.bar_label(bars, [f"{amount(each.row.figure, each.row.unit)} ({goal(each)})" for each in shown], padding=4)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlim(0, max([1.0, *shares]) * 1.35)
    axes.set_xlabel("share of the goal; less is better")
    axes.set_title(" and ".join(sorted({f"{each.day}, {each.machine}" for each in shown})), fontsize=8)
    picture.savefig(file)
    pyplot.close(picture)
