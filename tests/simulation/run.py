"""Runs plans, and makes one that fails as short as it can."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tests.simulation.plan import Plan
from tests.simulation.planted import Plant
from tests.simulation.promises import broken_promises
from tests.simulation.redis_state import Server, planted, was_planted
from tests.simulation.scenes import plan_of
from tests.simulation.world import World


def run(plan: Plan, server: Server) -> tuple[list[str], World]:
    """Run a plan; the promises that it breaks."""
    world = World(plan, server)
    world.run()
    return broken_promises(world), world


def shrunk(plan: Plan, server: Server) -> Plan:
    """The same without what it does not need to fail in the same way."""
    first = kind_of(run(plan, server)[0][0])

    def fails(tried: Plan) -> bool:
        return first in map(kind_of, run(tried, server)[0])

    again = True
    while again:
        again = False
        for fault in plan.faults:
            if fails(shorter := plan.without(faults=(fault,))):
                plan, again = shorter, True
        for alert in plan.alerts:
            if fails(shorter := plan.without(alerts=(alert,))):
                plan, again = shorter, True
    return plan


def kind_of(problem: str) -> str:
    """What is the same if other alerts have the same problem."""
    text = re.sub(r"\[.*?\]|{.*?}|general|error|critical", "…", problem)
    return re.sub(r"(alert|incident|resolve|update)\S*\d", "…", re.sub(r"\d+(\.\d+)?", "0", text))


def told(plan: Plan, server: Server) -> str:
    """A plan that fails, shrunk, with what happens in it."""
    short = shrunk(plan, server)
    problems, world = run(short, server)
    return "\n".join([f"seed {plan.seed}:", *problems, *map(str, short.alerts), *map(str, short.faults), *world.trace])


SOON_RUN = 40
"""Each script has run in so many seeds: some run in few plans."""


@dataclass(frozen=True, slots=True)
class Found:
    """A planted bug is found: by which seed, and what it breaks there."""

    seed: int
    breaks: str


def found_by(plant: Plant, seeds: Iterable[int], server: Server) -> Found | None:
    """The first of these seeds that finds a planted bug; None if none does.

    Raises:
        LookupError: no script has the line that the bug is in.
    """
    with plant():
        for count, seed in enumerate(seeds, 1):
            broken, _ = run(plan_of(seed), server)
            if count == SOON_RUN and (missing := {right for right, _ in planted} - was_planted):
                raise LookupError(f"no script says {missing} any more")
            if broken:
                return Found(seed, broken[0])
    return None
