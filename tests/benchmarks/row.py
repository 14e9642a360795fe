"""One figure of the table: what was measured, what it is to be, and what it is compared with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.benchmarks.lab import Lab


@dataclass(frozen=True)
class Row:
    """A ratio or a count.

    Args:
        what: its name in the table; one row has one name for ever.
        figure: what was measured, in ``unit``; "×" is the ratio to ``against``.
        goal: the figure should not be above it; None: there is none.
        against: what it is compared with, in words.
        measured: what the figure was made of, by name and unit.
        beside: the figures of others, in the same unit and the same run.
        missing: others that were not measured, and how to get them.
    """

    what: str
    figure: float
    unit: str
    goal: float | None
    against: str
    measured: Mapping[str, float] = field(default_factory=dict)
    beside: Mapping[str, float] = field(default_factory=dict)
    missing: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the goal is met."""
        return self.goal is None or self.figure <= self.goal

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "is_met": self.is_met}


@dataclass(frozen=True)
class Benchmark:
    """What measures one or more rows in one run.

    Args:
        name: what ``--only`` takes.
        about: what it measures, in one line.
        how: how, for the page in docs/.
        is_long: it takes minutes, so it is run with ``--full`` alone, or if ``--only`` names it.
    """

    name: str
    about: str
    measure: "Callable[[Lab], Sequence[Row]]"
    how: str
    is_long: bool = False


def ratio(ours: float, theirs: float) -> float:
    """How many times as much; three digits are more than a noisy machine gives."""
    return float(f"{ours / theirs:.3g}")
