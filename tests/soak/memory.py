"""How much memory the workers take while the soak runs."""

from contextlib import suppress
from dataclasses import dataclass, field
from statistics import linear_regression, median

import psutil

from notifier.cli.processes import Process

WARM_UP = 1 / 2
"""The part of a run in which a process still loads modules, fills its pools and meets its largest batches."""
JUDGED_SECONDS = 900.0
"""A shorter run shows its figures and judges none: a warm-up may last longer than it."""
GROWTH_MAX = 1.05
"""From the end of the warm-up to the end of the run."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at one process."""

    at: float
    pid: int
    mebibytes: float
    threads: int
    files: int


@dataclass(slots=True)
class Memory:
    """Samples by the name of the process; ``redis``: MiB that Redis says it uses."""

    samples: dict[str, list[Sample]] = field(default_factory=dict)
    redis: list[tuple[float, float]] = field(default_factory=list)

    def look(self, at: float, process: Process) -> None:
        """Take one sample, if the process is alive."""
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(process.pid)
            sample = Sample(at, process.pid, found.memory_info().rss / 2**20, found.num_threads(), found.num_fds())
            self.samples.setdefault(process.name, []).append(sample)

    def growth(self, name: str) -> tuple[float, float] | None:
        """By which factor a process has grown since its warm-up, and MiB per hour; None with too few samples."""
        samples = self.samples.get(name, [])
        samples = [each for each in samples if samples[-1].at * WARM_UP <= each.at and each.pid == samples[-1].pid]
        if len(samples) < 6:
            return None
        fifth = max(1, len(samples) // 5)
        first, last = (median(each.mebibytes for each in part) for part in (samples[:fifth], samples[-fifth:]))
        slope, _ = linear_regression([each.at for each in samples], [each.mebibytes for each in samples])
        return last / first, slope * 3600

    def wrong(self, name: str) -> list[str]:
        """What is wrong with a process that has lived all the while."""
        samples, growth = self.samples.get(name, []), self.growth(name)
        if growth is None or samples[-1].at < JUDGED_SECONDS:
            return []
        factor, per_hour = growth
        return [f"{name} grew by {factor:.3f} × ({per_hour:.1f} MiB an hour)"] if factor > GROWTH_MAX else []
