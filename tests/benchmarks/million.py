"""What a million alerts a day take of the machines, reckoned from the figures that were measured."""

from collections.abc import Iterator, Mapping, Sequence

from notifier.settings import Settings
from tests.benchmarks.figures import Figure
from tests.benchmarks.rows import burst, kept, scale

ALERTS = 1_000_000
DAY_SECONDS = 86_400
Cells = tuple[str, ...]
Found = Mapping[str, Figure]


def cells(figures: Sequence[Figure]) -> Iterator[Cells]:
    """The rows of a table: what, formula, result. What was not measured is left out."""
    found = {each.row.what: each for each in figures}
    if figure := found.get(scale.SIX):
        micros = figure.row.figure
        day = ALERTS * micros / 1e6
        yield "Redis' processor, the steps alone", f"1,000,000 × {micros:.0f} µs", _processor(day)
    if figure := found.get(burst.PROCESSOR):
        worker, redis = (figure.row.measured[f"ours: {name} ms"] for name in ("worker", "Redis"))
        yield (
            "Redis' processor, with Celery's messages",
            f"1,000,000 × {redis:.2f} ms",
            _processor(ALERTS * redis / 1e3),
        )
        yield "workers' processors", f"1,000,000 × {worker:.1f} ms", _processor(ALERTS * worker / 1e3)
    if figure := found.get(kept.NAMES["finished"]):
        size = figure.row.figure
        days = Settings.model_fields["history_days"].default
        for name, formula, times in (
            ("a day of history", "", 1),
            (f"the {days} days that are kept", f"{days} × ", days),
        ):
            gigabytes = times * ALERTS * size / 1e9
            yield f"Redis' memory for {name}", f"{formula}1,000,000 × {size:,.0f} bytes", f"{gigabytes:.1f} GB"
    if figure := found.get(kept.NAMES["waiting"]):
        size = figure.row.figure
        yield "Redis' memory for the hour that waits", f"42,000 × {size:,.0f} bytes", f"{42_000 * size / 1e6:,.0f} MB"


def _processor(seconds: float) -> str:
    return f"{seconds / 60:,.0f} minutes a day: {seconds / DAY_SECONDS:.1%} of a processor"
