"""A critical alert while another type is flooded and its webhook hangs."""

from collections.abc import Sequence

from tests.benchmarks.lab import UNLIMITED, Lab, percentile
from tests.benchmarks.programs import flood
from tests.benchmarks.row import Benchmark, Row, ratio

HANGS_SECONDS = 600


def measure(lab: Lab) -> Sequence[Row]:
    """Idle and flooded in turn, each with servers of its own."""
    idle: list[float] = []
    flooded: list[float] = []
    for number in range(lab.rounds(2)):
        for name, found, count in (("idle", idle, 0), ("flooded", flooded, lab.rounds(10_000, 1_000))):
            lab.says(f"round {number + 1}, {name}")
            found += _seconds(lab, count)
    rows = []
    for share in (0.5, 0.99):
        one, other = percentile(flooded, share), percentile(idle, share)
        took = {"flooded ms": one * 1e3, "idle ms": other * 1e3}
        what = f"critical under a flood of 10,000 general alerts with a hanging webhook, p{share * 100:.0f}"
        rows.append(Row(what, ratio(one, other), "×", 1.5, "on an idle pipeline", took))
    return rows


def _seconds(lab: Lab, count: int) -> list[float]:
    with lab.place() as place:
        sandbox = place.sandbox(limits=False)
        webhook_id = sandbox.variables["DISCORD_WEBHOOK_GENERAL"].split("/")[-2]
        sandbox.fault(kind="delay", webhook_id=webhook_id, seconds=HANGS_SECONDS)
        place.set(DISCORD_QUEUE_SIZE="20000", DISCORD_RATE_LIMIT="1000000")
        place.worker(app=UNLIMITED)
        found: list[float] = place.run(flood, count=lab.rounds(300, 60), flood=count)
        return found


BENCHMARK = Benchmark(
    "flood",
    "a critical alert while another type is flooded and its webhook hangs",
    measure,
    "One worker. 10,000 general alerts are raised, whose webhook answers nothing; then 300 critical ones, one at a time, from `.delay()` to `.get()`. The same without the "
    "flood; two rounds of each in turn, each with a new Redis, sandbox and worker. The worker knows none of Discord's limits here, or the critical webhook would take 30 a minute. "
    "Each critical alert comes 20 ms after the one before has ended, so on both sides it waits until 50 ms have passed since that one's commit, as a small batch does under load: others may join it. Of idle-way, whose alerts are further apart, none does.",
)
