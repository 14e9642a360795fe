"""What one Redis carries."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from notifier.models import AlertType
from tests.benchmarks.lab import Lab, Place, median
from tests.benchmarks.programs import steps
from tests.benchmarks.row import Benchmark, Row, ratio
from tests.servers import until

WORKERS = 4
GROUPS = (1, 10)
"""Of six webhooks each."""
SIX, SIXTY = (
    f"Redis' processor time for an alert, admitted, claimed and committed, {WORKERS} workers over {groups * len(AlertType)} webhooks"
    for groups in GROUPS
)


@dataclass(frozen=True)
class Load:
    """Of one phase: Redis' processor time for a step, steps a second, and how busy Redis was."""

    micros: float
    per_second: float
    busy: float
    count: int


def measure(lab: Lab) -> Sequence[Row]:
    """Six and sixty webhooks in turn, each on a new Redis."""
    count = lab.rounds(2_000, 100)
    runs: dict[int, list[tuple[Load, Load]]] = {groups: [] for groups in GROUPS}
    for number in range(lab.rounds(3, 1)):
        for groups in GROUPS:
            lab.says(f"round {number + 1}, {groups * len(AlertType)} webhooks")
            with lab.place() as place:
                admitted = _together(place, groups, count)
                runs[groups].append((admitted, _together(place, groups, 0)))
    rows = []
    for what, groups in zip((SIX, SIXTY), GROUPS, strict=True):
        rows.append(Row(what, float(f"{_an_alert(runs[groups]):.3g}"), "µs", None, "", _parts(runs[groups])))
    figure = ratio(median([_an_alert([many]) / _an_alert([few]) for few, many in zip(*runs.values(), strict=True)]), 1)
    rows.append(Row("the same, sixty webhooks", figure, "×", None, "six webhooks"))
    return rows


def _an_alert(runs: Sequence[tuple[Load, Load]]) -> float:
    return median([admitted.micros + batches.micros * batches.count / admitted.count for admitted, batches in runs])


def _parts(runs: Sequence[tuple[Load, Load]]) -> dict[str, float]:
    admitted, batches = ([run[position] for run in runs] for position in (0, 1))
    one = _an_alert(runs)
    return {
        "an admission µs": median([each.micros for each in admitted]),
        "claim and commit of a batch µs": median([each.micros for each in batches]),
        "at a full core alerts/s": round(1e6 / one),
        "seen here admissions/s": round(median([each.per_second for each in admitted])),
        "seen here batches/s": round(median([each.per_second for each in batches])),
        "Redis busy meanwhile %": round(100 * median([each.busy for each in (*admitted, *batches)])),
    }


def _together(place: Place, groups: int, count: int) -> Load:
    """All workers at once: each admits so many, or all claim and commit until nothing waits."""
    place.redis.delete(steps.READY, steps.GO)
    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(place.run, steps, number=number, groups=groups, count=count) for number in range(WORKERS)]
        until(lambda: int(place.redis.get(steps.READY) or 0) == WORKERS, "all workers")
        used, start = place.redis_seconds(), time.monotonic()
        place.redis.set(steps.GO, 1)
        done = sum(job.result()["steps"] for job in jobs)
        took, used = time.monotonic() - start, place.redis_seconds() - used
    return Load(used / done * 1e6, done / took, used / took, done)


BENCHMARK = Benchmark(
    "scale",
    "what one Redis carries, with six and with sixty webhooks",
    measure,
    "Four processes admit 2,000 alerts each, and then claim and commit them in batches, all as fast as they can and with nothing else: no Celery, no HTTP, no limit of Discord's. Counted are the steps, and the processor "
    "time of the Redis server (`INFO cpu`). Sixty webhooks are ten groups of six under key prefixes of their own. Three rounds of each in turn. What is seen here is bound by the processes' own Python, which shares "
    "the machine's processors with Redis.",
)
