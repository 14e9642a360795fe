"""What the steps cost with very many waiting."""

from collections.abc import Sequence

from tests.benchmarks.lab import Lab, median
from tests.benchmarks.programs import depth
from tests.benchmarks.row import Benchmark, Row, ratio

FEW = 100


def measure(lab: Lab) -> Sequence[Row]:
    """Redis' own microseconds, by its own count."""
    many = lab.rounds(100_000, 1_500)
    lab.says(f"{many:,} are admitted")
    with lab.place() as place:
        few, lots = place.run(depth, few=FEW, many=many, rounds=lab.rounds(400, 30))
    rows = []
    for what in ("admit", "claim", "commit"):
        took = {f"{FEW} waiting µs": median(few[what]), "100,000 waiting µs": median(lots[what])}
        figure = ratio(median(lots[what]), median(few[what]))
        rows.append(Row(f"{what} with 100,000 waiting", figure, "×", 1.1, f"with {FEW} waiting", took))
    return rows


BENCHMARK = Benchmark(
    "depth",
    "admit, claim and commit with 100,000 waiting",
    measure,
    "Two outboxes on one Redis, one with 100 alerts and one with 100,000. 400 times in turn, each admits an alert, claims a batch of ten and commits it as "
    "delivered; then nine more are admitted. A clock set by hand keeps the gate open. The figure is the ratio of the medians of the microseconds that Redis counts for its scripts "
    "(`INFO commandstats`).",
)
