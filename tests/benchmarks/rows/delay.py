"""What an application's call costs, against the call of a bare Celery task with the same payload."""

from collections.abc import Sequence

from tests.benchmarks.lab import Lab, median, percentile
from tests.benchmarks.programs import delay
from tests.benchmarks.programs.peers import MISSING, PEERS
from tests.benchmarks.row import Benchmark, Row, ratio

Times = dict[str, list[float]]
AGAINST = "bare Celery's .delay() of the same payload"
BLOCK = 40
"""Calls of one side in a row: an application's burst is its own."""
ALTERNATING = "ours, each call behind one of each other side"


def measure_burst(lab: Lab) -> Sequence[Row]:
    """The call of which hundreds come at once."""
    runs = _runs(lab, list(PEERS), block=BLOCK)
    alternating = _runs(lab, list(PEERS))
    p50 = {name: median([percentile(run[name], 0.5) for run in runs]) for name in runs[0]}
    bare = p50["bare Celery"]
    beside = {name: _of(runs, name, 0.5) for name in p50 if name not in ("ours", "bare Celery")}
    beside[ALTERNATING] = _of(alternating, "ours", 0.5)
    absent = [name for name in PEERS if name not in p50]
    return [
        Row(
            ".delay() in a burst, p50", _of(runs, "ours", 0.5), "×", 0.35, AGAINST,
            {"ours µs": p50["ours"] * 1e6, "bare Celery µs": bare * 1e6},
            beside, f"{', '.join(absent)}: {MISSING}" if absent else "",
        )
    ]  # fmt: skip


def measure_idle(lab: Lab) -> Sequence[Row]:
    """The call that finds nothing waiting."""
    runs = _runs(lab, ["bare Celery"], idle=True)
    rows = []
    for share, goal in ((0.5, 0.9), (0.99, 1.1)):
        took = {f"{name} µs": median([percentile(run[name], share) for run in runs]) * 1e6 for name in runs[0]}
        what = f".delay() alone on an idle outbox, p{share * 100:.0f}"
        rows.append(Row(what, _of(runs, "ours", share), "×", goal, AGAINST, took))
    return rows


def _runs(lab: Lab, peers: list[str], *, idle: bool = False, block: int = 1) -> list[Times]:
    found = []
    with lab.place() as place:
        place.set(DISCORD_QUEUE_SIZE="100000")
        for number in range(lab.rounds(5, 2)):
            lab.says(f"process {number + 1}")
            place.redis.flushdb()
            found.append(place.run(delay, rounds=lab.rounds(800, 320), peers=peers, idle=idle, block=block))
    return found


def _of(runs: Sequence[Times], name: str, share: float) -> float:
    """The median of the runs' ratios to bare Celery."""
    ratios = [percentile(run[name], share) / percentile(run["bare Celery"], share) for run in runs]
    return ratio(median(ratios), 1)


BURST = Benchmark(
    "delay-burst",
    "an application's call, of which hundreds come at once",
    measure_burst,
    "Five processes each call `.delay()` of ours, of a bare Celery task, of dramatiq and rq, and a Lua script that stores the payload, 800 times "
    f"each: {BLOCK} calls of one side in a row, then {BLOCK} of the next, and another side begins each time. No worker runs, so what was raised waits. The "
    "figure is the median of the processes' ratios of medians. Five more processes change the side after each call, so that each finds the processor's caches "
    f'full of what the others need, as a lone call does: "{ALTERNATING}" is the same ratio of these.',
)
IDLE = Benchmark(
    "delay-idle",
    "the same call where nothing waits",
    measure_idle,
    "Five processes call ours and bare Celery in turn, 800 times each; before each call of either, what waits is taken out of Redis, so that each finds an idle outbox and an empty queue.",
)
