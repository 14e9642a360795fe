"""The counters that the steps keep, read: what became of alerts and of requests."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from notifier.gate.counters import LATENCY_SECONDS, UNBOUNDED
from notifier.storage.connection import MICROSECONDS, broker_errors

if TYPE_CHECKING:
    import redis

    from notifier.storage.keys import Keys

LATENCY_BOUNDS = [*(str(round(each * MICROSECONDS)) for each in LATENCY_SECONDS), UNBOUNDED]
"""As counters.lua names them."""


@dataclass(frozen=True, slots=True)
class Counters:
    """Counts by what they are of: a name, an alert type, and what that was counted by."""

    found: Mapping[tuple[str, ...], int]

    def of(self, name: str) -> Iterator[tuple[tuple[str, ...], int]]:
        """Those of one name, each with what it was counted by, in order."""
        return ((each[1:], count) for each, count in sorted(self.found.items()) if each[0] == name)

    def total(self, name: str, alert_type: str) -> int:
        """Their sum over one alert type."""
        return sum(count for labels, count in self.of(name) if labels[0] == alert_type)

    def histogram(self, name: str, alert_type: str, bounds: Sequence[str]) -> list[int]:
        """How many there are within each bound and above the one before. One that is no bound any more: the next."""
        counts = [0] * len(bounds)
        for (kind, bound), count in self.of(name):
            if kind == alert_type:
                counts[_place(bound, bounds)] += count
        return counts

    def latencies(self, alert_type: str) -> list[int]:
        """Deliveries of one type by the time that they took, as ``LATENCY_BOUNDS`` has it."""
        return self.histogram("latency", alert_type, LATENCY_BOUNDS)


def _place(bound: str, bounds: Sequence[str]) -> int:
    return next((place for place, each in enumerate(bounds) if float(bound) <= float(each)), len(bounds) - 1)


def read_counters(client: "redis.Redis", keys: "Keys") -> Counters:
    """All since they were last empty.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    with broker_errors():
        return counters_of(cast("dict[str, str]", client.hgetall(keys.counters)))


def counters_of(found: Mapping[str, str]) -> Counters:
    """The counters in a hash."""
    return Counters({tuple(name.split("|")): int(count) for name, count in found.items()})


def latency_quantile(counts: Sequence[int], part: float) -> float | None:
    """Seconds within which this part (0 to 1) of deliveries was made, as Prometheus' ``histogram_quantile`` says it.

    ``counts``: as ``Counters.latencies``. None: there was none. Of what is above all bounds, the highest of them.
    """
    rank, below = part * sum(counts), 0
    if not rank:
        return None
    for place, count in enumerate(counts):
        if below + count >= rank and count:
            if place >= len(LATENCY_SECONDS):
                break
            lower = LATENCY_SECONDS[place - 1] if place else 0.0
            return round(lower + (LATENCY_SECONDS[place] - lower) * (rank - below) / count, 3)
        below += count
    return float(LATENCY_SECONDS[-1])
