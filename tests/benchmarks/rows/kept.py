"""What Redis holds for an alert."""

from collections.abc import Sequence

from tests.benchmarks.lab import Lab
from tests.benchmarks.programs import kept
from tests.benchmarks.row import Benchmark, Row, ratio

NAMES = {what: f"Redis bytes per {what} alert of 200 characters" for what in ("waiting", "finished")}


def measure(lab: Lab) -> Sequence[Row]:
    """Bytes while it waits, and once it is delivered."""
    with lab.place() as place:
        place.set(DISCORD_QUEUE_SIZE="100000")
        found = place.run(kept, count=lab.rounds(4_000, 300))
    size = found["json"]
    rows = []
    for what, goal in (("waiting", 700), ("finished", 500)):
        of_json = {"JSON bytes": size, "of its JSON ×": ratio(found[what], size)}
        rows.append(Row(NAMES[what], round(found[what]), "bytes", goal, "size of its JSON", of_json))
    return rows


BENCHMARK = Benchmark(
    "bytes",
    "what Redis holds for an alert that waits, and for one that was delivered",
    measure,
    "4,000 alerts of 200 characters are raised with `.delay()` while no worker runs; then they are claimed and committed as delivered, as a worker does it. Each time the growth of "
    "`used_memory` (`INFO memory`, without the buffers of connections) is divided by their number: it has the allocator's rounding and the indexes of the history in it.",
)
