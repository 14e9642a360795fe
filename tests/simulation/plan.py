"""What happens in one run: which alerts are raised, and what fails, all of it derived from a seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tests.simulation.answers import ANSWERS

FAULT_SECONDS = 20.0
"""Alerts are raised and faults happen for so long; then nothing fails any more."""
TYPES = 3
WORKERS = 3


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert. ``refused``: Discord takes no text like this one. ``key``: of its incident, '' if it has none.

    ``change``: ``update`` or ``resolve``, if it changes or ends that.
    ``revoked``: after so many seconds it is withdrawn.
    """

    at: float
    name: str
    kind: int
    refused: bool = False
    expires: float | None = None
    after: float | None = None
    key: str = ""
    change: str = ""
    revoked: float | None = None
    is_of_0_2: bool = False
    """A caller of version 0.2 raises it."""
    source: str = ""
    ornament: str = ""
    """What of it Discord does not take, although it takes the rest."""

    @property
    def shown_as(self) -> str:
        """The first word of its title: of the alerts of an incident all have the same."""
        return f"{self.key}-of-{self.kind}" if self.key else self.name


@dataclass(frozen=True, slots=True)
class Fault:
    """What fails. ``at``: seconds, or the number of the operation that it happens to."""

    what: str
    at: float
    who: int = 0
    amount: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One run."""

    seed: int
    alerts: tuple[Raised, ...]
    faults: tuple[Fault, ...]
    sliding: bool
    """Discord counts requests in a window that slides, or in periods."""
    spools: bool = False
    """The caller has a disk for its alerts while Redis is away."""
    upgrades: bool = False
    """One of the workers is of the version before."""
    beside_0_2: bool = False
    """One of the workers, and some callers, are of version 0.2."""
    several: bool = False
    """Some types have several webhooks."""
    folds: bool = False
    """Outboxes hold few alerts: others are folded into digests."""
    crowds: bool = False
    """A channel gets more requests than Discord takes in a minute."""
    collects: bool = False
    """Alerts are collected for a while, and go as one message."""

    def without(self, faults: tuple[Fault, ...] = (), alerts: tuple[Raised, ...] = ()) -> "Plan":
        """The same without some of it."""
        return replace(
            self,
            alerts=tuple(each for each in self.alerts if each not in alerts),
            faults=tuple(each for each in self.faults if each not in faults),
        )


ORNAMENTS = {"image": "https://refused.example/1.png", "username": "refused"}
"""Those of alerts: Discord names a part of one message, or of the whole request."""
OF_A_WORKER = {"kill": (0.5, 8.0), "pause": (0.5, 50.0), "cut_off": (0.5, 12.0)}
OF_REDIS = {"restart": (0.2, 4.0), "forget": (0.2, 1.9), "failover": (0.2, 1.9)}
OF_THE_CLOCK = {"clock": (-120.0, 120.0)}
OF_DISCORD = {"outage": (1.0, 30.0)}
OF_A_CALLER = {"kill_caller": (0.1, 3.0)}
CALLERS_CLOCK = "caller_clock"
OF_AN_OPERATION = ("answer_lost", "request_lost", "late")
OF_A_MESSAGE = ("lost", "twice", "late")
LONG_WAITS = ("limited", "banned", "global")
"""What asks for more than a minute now and then."""
STOPS, SHORT_STOP_SECONDS = "stops_its_worker", 3.0
"""Whoever makes the request stands still, so shortly that nobody may take it for dead although its heartbeat is gone:
less than the life of one, without the second between two, and the two for which others look again."""
BATCH_PAUSE = "batch pause"
"""Whoever is given a batch stands still before it makes the request, so long that others take it for dead."""
PAUSES = frozenset({"pause", BATCH_PAUSE})
RARE = ("gone", "forbidden")
"""What ends many alerts at once: they would be seen no more."""


def drawn(seed: int) -> Plan:
    """What chance alone makes of a seed. Most runs have few kinds of faults, so that what they do can be told apart."""
    chance = random.Random(seed)
    alerts = tuple(_alerts(chance))
    faults: list[Fault] = []
    often = chance.choice((0.0, 0.15, 0.5, 0.5))
    for kinds, usual in ((OF_A_WORKER, 3), (OF_REDIS, 1), (OF_THE_CLOCK, 1), (OF_DISCORD, 1), (OF_A_CALLER, 1)):
        if chance.random() < often:
            for _ in range(chance.randint(1, usual)):
                what = chance.choice(list(kinds))
                at, who = chance.uniform(1, FAULT_SECONDS), chance.randrange(WORKERS)
                faults.append(Fault(what, round(at, 3), who, round(chance.uniform(*kinds[what]), 3)))
    for kinds_of, prefix, last, most in (
        (ANSWERS, "answer", 15, 6),
        (OF_AN_OPERATION, "operation", 400, 8),
        (OF_A_MESSAGE, "message", 30, 5),
    ):
        if chance.random() < often:
            for _ in range(chance.randint(1, most)):
                what, amount = chance.choice(kinds_of), round(chance.uniform(0.1, 3.0), 3)
                if what in LONG_WAITS and chance.random() < 0.1:
                    amount *= 40
                if what not in RARE or chance.random() < 0.1:
                    faults.append(Fault(f"{prefix} {what}", chance.randrange(last), 0, amount))
    kinds_of_run = [chance.random() < each for each in (0.5, 0.25, 0.2)]
    return Plan(seed, alerts, (*faults, *_stops(chance)), *kinds_of_run)


def _stops(chance: random.Random) -> Iterator[Fault]:
    if chance.random() < 0.2:
        for _ in range(chance.randint(1, 4)):
            yield Fault(f"answer {STOPS}", chance.randrange(10), 0, round(chance.uniform(1.8, SHORT_STOP_SECONDS), 3))


def _alerts(chance: random.Random) -> list[Raised]:
    alerts = []
    incidents = chance.choice((0.0, 0.0, 0.4))
    bursts = [chance.uniform(0, FAULT_SECONDS - 5) for _ in range(chance.randint(1, 4))]
    for number in range(chance.randint(3, 18)):
        at = (
            chance.choice(bursts) + chance.uniform(0, 0.3)
            if chance.random() < 0.8
            else chance.uniform(0, FAULT_SECONDS - 2)
        )
        refused = chance.random() < 0.05
        expires = chance.uniform(2, 60) if chance.random() < 0.06 else None
        after = chance.uniform(0.5, 10) if chance.random() < 0.06 else None
        kind, key = chance.randrange(TYPES), f"incident-{chance.randrange(2)}" if chance.random() < incidents else ""
        if key:
            refused, expires, after = False, None, None
        alerts.append(Raised(round(at, 3), f"alert-{number}", kind, refused, expires, after, key))
    return sorted([*alerts, *_changes(alerts, chance)], key=lambda each: each.at)


def _changes(alerts: list[Raised], chance: random.Random) -> Iterator[Raised]:
    """Updates of incidents, and their ends: nothing comes after such an end."""
    for kind, key in sorted({(each.kind, each.key) for each in alerts if each.key}):
        times = [each.at for each in alerts if (each.kind, each.key) == (kind, key)]
        name = f"of-{key}-{kind}"
        if chance.random() < 0.3:
            yield Raised(
                round(min(times) + chance.uniform(0.5, 6), 3), f"update-{name}", kind, key=key, change="update"
            )
        if chance.random() < 0.5:
            at = max(*times, min(times) + 6) + chance.uniform(2, 6)
            yield Raised(round(at, 3), f"resolve-{name}", kind, key=key, change="resolve")
