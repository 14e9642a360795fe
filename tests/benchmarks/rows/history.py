"""What a page of a long history takes to read."""

from collections.abc import Sequence

from tests.benchmarks.lab import Lab, percentile
from tests.benchmarks.programs import history
from tests.benchmarks.row import Benchmark, Row, ratio

FEW = 10_000
"""More than a search looks at for one page."""


def measure(lab: Lab) -> Sequence[Row]:
    """A page by type and time, and a search that finds nothing."""
    many = lab.rounds(1_000_000, 30_000)
    lab.says(f"{many:,} records are written")
    with lab.place() as place:
        times = place.run(history, few=FEW, many=many, rounds=lab.rounds(51, 11))
    page, search = ([percentile(each, 0.5) * 1e3 for each in times[name]] for name in ("page", "search"))
    return [
        Row(
            "history of 1,000,000 records: a page of 50 by type and time, p50", float(f"{page[1]:.3g}"), "ms", 5,
            f"of {FEW:,}", {f"of {FEW:,} ms": page[0], f"of that of {FEW:,} ×": ratio(page[1], page[0]), "p99 ms": percentile(times["page"][1], 0.99) * 1e3},
        ),
        Row(
            "the same: one page of a text search that finds nothing, p50", ratio(search[1], search[0]), "×", 1.1,
            f"in a history of {FEW:,}", {"of 1,000,000 ms": search[1], f"of {FEW:,} ms": search[0]},
        ),
    ]  # fmt: skip


BENCHMARK = Benchmark(
    "history",
    "a page of a history of 1,000,000 records",
    measure,
    "1,000,000 records are written to Redis as workers leave them, and 10,000 under another prefix. A page of 50 by type and time from the middle of each is read 51 times in turn, and a page of a text "
    "search that finds nothing, for which at most 5,000 records are looked at.",
    is_long=True,
)
