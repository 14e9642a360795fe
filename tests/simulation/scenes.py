"""What rarely comes together by chance: a few faults that meet, added to some plans."""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace

from tests.simulation.plan import BATCH_PAUSE, FAULT_SECONDS, TYPES, Fault, Plan, Raised, drawn

Scene = Callable[[Plan, random.Random], Plan]
OFTEN = 0.25
"""Of how many plans one is a part."""


def plan_of(seed: int) -> Plan:
    """The plan of a seed."""
    plan, chance = drawn(seed), random.Random(f"scene of {seed}")
    if chance.random() >= OFTEN:
        return plan
    return SCENES[chance.choice(list(SCENES))](plan, chance)


def _stands_still(plan: Plan, chance: random.Random) -> Plan:
    """A worker is given a batch, and stands still past its lease before it makes the request."""
    faults = [
        Fault(BATCH_PAUSE, chance.randint(1, 8), 0, round(chance.uniform(5, 30), 3))
        for _ in range(chance.randint(1, 2))
    ]
    return replace(plan, faults=(*plan.faults, *faults))


def _forgets_a_claim(plan: Plan, chance: random.Random) -> Plan:
    """Redis forgets a claim, and no more, while its worker waits long for Discord."""
    at, after = round(chance.uniform(1, FAULT_SECONDS - 8), 3), round(chance.uniform(1.5, 4), 3)
    late = Raised(at, f"alert-{len(plan.alerts)}", chance.randrange(TYPES), after=after)
    since = round(at + after - chance.uniform(0.05, 0.5), 3)
    faults = (
        Fault("crawl", since, 0, 4.0),
        Fault(chance.choice(("forget", "failover")), since, 0, round(chance.uniform(0.7, 1.9), 3)),
    )
    alerts = sorted((*plan.alerts, late), key=lambda each: each.at)
    return replace(plan, alerts=tuple(alerts), faults=(*plan.faults, *faults))


def _withdraws(plan: Plan, chance: random.Random) -> Plan:
    """Some alerts are withdrawn, most of them at about the time at which they are claimed."""

    def withdrawn(raised: Raised) -> Raised:
        if raised.key or chance.random() < 0.5:
            return raised
        return replace(raised, revoked=round((raised.after or 0) + chance.choice((0.05, 0.3, 3)) * chance.random(), 3))

    return replace(plan, alerts=tuple(map(withdrawn, plan.alerts)))


SCENES: Mapping[str, Scene] = {
    "stands still with a batch": _stands_still,
    "forgets a claim": _forgets_a_claim,
    "withdraws": _withdraws,
}
