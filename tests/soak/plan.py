"""Which faults come when: all of it is chosen by the seed, before the soak begins."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from tests.soak.stage import CALLERS, SURVIVOR, WORKERS

QUIET_SECONDS = 4.0
"""At the beginning, for the first alerts to go."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. ``at``, ``seconds``: when it begins, from the start of the soak, and how long it lasts."""

    at: float
    kind: str
    target: str
    seconds: float


KINDS: dict[str, dict[str, tuple[int, float, float]]] = {
    "worker": {"killed": (3, 0, 4), "paused": (2, 1, 15), "told to end": (1, 0, 2)},
    "survivor": {"paused": (1, 1, 15)},
    "caller": {"killed": (2, 0, 2), "paused": (1, 1, 8)},
    "redis": {"killed": (3, 0.2, 8), "paused": (2, 0.5, 6), "restarted": (1, 0.2, 2)},
    "discord": {
        "status 500": (2, 2, 10),
        "status 502": (1, 2, 10),
        "status 503": (2, 2, 20),
        "stored, then 500": (2, 2, 8),
        "hangs before": (2, 2, 12),
        "hangs after": (2, 2, 12),
        "reset": (1, 1, 5),
        "reset after": (2, 1, 5),
        "cut": (2, 1, 5),
        "truncated": (1, 1, 5),
        "slow": (2, 2, 10),
        "dropped": (1, 1, 4),
        "login page": (1, 2, 10),
        "429 of the webhook": (2, 1, 5),
        "429 of others": (1, 1, 5),
        "429 of the bot": (1, 1, 3),
        "ban": (1, 3, 10),
    },
}
"""By target: each kind of fault, its weight, and how long it lasts at least and at most (seconds)."""
PAUSES = {"worker": 25.0, "survivor": 60.0, "caller": 30.0, "redis": 45.0, "discord": 12.0}
"""Seconds between two faults of one target, on average."""


def plan(seed: int, seconds: float) -> list[Fault]:
    """The faults of a soak of so many seconds, in order; of one target never two at a time."""
    workers = [number for number in range(WORKERS) if number != SURVIVOR]
    targets = [("worker", f"worker{number}") for number in workers] + [("survivor", f"worker{SURVIVOR}")]
    targets += [("caller", f"caller{number}") for number in range(CALLERS)]
    targets += [("redis", "redis"), ("discord", "discord")]
    return sorted(
        (fault for group, target in targets for fault in _of(group, target, Random(f"{seed}/{target}"), seconds)),
        key=lambda fault: (fault.at, fault.target),
    )


def _of(group: str, target: str, dice: Random, end: float) -> Iterator[Fault]:
    kinds = KINDS[group]
    weights = [weight for weight, _, _ in kinds.values()]
    at = QUIET_SECONDS
    while True:
        at += dice.expovariate(1 / PAUSES[group])
        kind = dice.choices(list(kinds), weights)[0]
        _, least, most = kinds[kind]
        lasts = dice.uniform(least, most)
        if at + lasts > end:
            return
        yield Fault(round(at, 2), kind, target, round(lasts, 2))
        at += lasts + 1
