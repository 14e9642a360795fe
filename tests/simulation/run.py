"""Runs plans, and makes one that fails as short as it can."""

import re
from collections.abc import Iterable

from tests.simulation.plan import Plan, plan_of
from tests.simulation.planted import Plant
from tests.simulation.promises import broken_promises
from tests.simulation.redis_state import Server
from tests.simulation.world import World


def run(plan: Plan, server: Server) -> tuple[list[str], World]:
    """Run a plan; the promises that it breaks."""
    world = World(plan, server)
    world.run()
    return broken_promises(world), world


def shrunk(plan: Plan, server: Server) -> Plan:
    """The same without what it does not need to fail in the same way."""
    first = _kind(run(plan, server)[0][0])

    def fails(tried: Plan) -> bool:
        return first in map(_kind, run(tried, server)[0])

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


def _kind(problem: str) -> str:
    """What is the same if other alerts have the same problem."""
    return re.sub(r"\d+|\[.*?\]|{.*?}|general|error|critical", "", problem)


def told(plan: Plan, server: Server) -> str:
    """A plan that fails, shrunk, with what happens in it."""
    short = shrunk(plan, server)
    problems, world = run(short, server)
    return "\n".join([f"seed {plan.seed}:", *problems, *map(str, short.alerts), *world.trace])


def found_by(plant: Plant, seeds: Iterable[int], server: Server) -> int | None:
    """The first of these seeds that finds a planted bug; None if none does."""
    with plant():
        for seed in seeds:
            try:
                broken, _ = run(plan_of(seed), server)
            except Exception:
                return seed
            if broken:
                return seed
    return None
