"""What Redis holds for an alert."""

from collections.abc import Mapping, Sequence

from tests.benchmarks.lab import Lab
from tests.benchmarks.programs import kept
from tests.benchmarks.row import Benchmark, Row, ratio

NAMES = {what: f"Redis bytes per {what} alert of 200 characters" for what in ("waiting", "finished")}
PARTS = {
    "key": ("its key", "its two keys"),
    "life": ("the key's life", "their lives"),
    "place": ("its place in the outbox", "its places in two indexes of the history"),
}


def measure(lab: Lab) -> Sequence[Row]:
    """Bytes while it waits, and once it is delivered."""
    with lab.place() as place:
        place.set(DISCORD_QUEUE_SIZE="100000")
        found = place.run(kept, count=lab.rounds(4_000, 2_000))
    return [_row(found, "waiting", 700, keys=1), _row(found, "finished", 500, keys=2)]


def _row(found: Mapping[str, float], what: str, goal: float, keys: int) -> Row:
    """Of an alert with so many keys and, in either state, as many places in sorted sets."""
    whole, size = found[what], found["json"]
    around = {name: found[name] * keys for name in ("key", "life", "place")}
    took = {"JSON bytes": size, "of its JSON ×": ratio(whole, size)}
    if what == "finished":
        took["of it Celery's result with its key bytes"] = found["result"]
    took |= {f"{PARTS[name][keys - 1]} bytes": round(value) for name, value in around.items()}
    took["what they hold bytes"] = round(whole - sum(around.values()))
    return Row(NAMES[what], round(whole), "bytes", goal, "size of its JSON", took)


BENCHMARK = Benchmark(
    "bytes",
    "what Redis holds for an alert that waits, and for one that was delivered",
    measure,
    "4,000 alerts of 200 characters are raised with `.delay()` while no worker runs; then they are claimed and committed as delivered, as a worker does it. Each time the growth of "
    "`used_memory` (`INFO memory`, without the buffers of connections) is divided by their number: it has the allocator's rounding and the indexes of the history in it. Redis is "
    "set as our stacks set it (`hash-max-listpack-value 4096`): without that one that waits takes 1.2 kB. The parts "
    "are measured likewise: keys of such names that hold nothing, with and without a life, and ids in a sorted set; what the keys hold is the rest.",
)
