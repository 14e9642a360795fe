"""What a call costs an application whose Redis is far away."""

from collections.abc import Sequence

from tests.benchmarks.lab import Lab, median
from tests.benchmarks.programs import far
from tests.benchmarks.row import Benchmark, Row

ROUND_TRIP_SECONDS = 0.2
"""So long that the machine's own noise is no part of it."""


def measure(lab: Lab) -> Sequence[Row]:
    """How many times a call waits for Redis: alone, and in a burst."""
    rows, found = [], {}
    for idle, what in ((True, "alone on an idle outbox"), (False, "in a burst")):
        lab.says(what)
        with lab.place() as place:
            found = place.run(far, seconds=ROUND_TRIP_SECONDS, count=lab.rounds(12, 5), idle=idle)
        took = median(found["seconds"])
        trips = float(int(took / ROUND_TRIP_SECONDS))
        name = f"round trips to Redis of .delay() {what}"
        rows.append(
            Row(name, trips, "round trips", None, "", {f"at {ROUND_TRIP_SECONDS * 1e3:g} ms each: ms": took * 1e3})
        )
    return [*rows, Row("round trips to Redis of a process' first .delay()", found["first"], "round trips", None, "")]


BENCHMARK = Benchmark(
    "far",
    "how many times a call waits for Redis",
    measure,
    "An application raises alerts through a line to Redis whose round trip takes 200 ms. The figure is how many of those a call waits for (the median). "
    "Of the first call of a process it is counted how often it connects, or sends something.",
)
