"""What is counted must agree: the history, the dead letters, the counters, and Discord's own count of requests."""

from collections.abc import Iterator
from typing import cast

from tests.simulation.digests import digests_of
from tests.simulation.webhooks import KINDS
from tests.simulation.workers import KEYS
from tests.simulation.world import World

GOOD = {"delivered", "repeated", "not_open", "withdrawn", "folded"}


def disagreeing(world: World) -> Iterator[str]:
    """Each count that does not agree with another."""
    raw = world.server.client
    counters = {name: int(count) for name, count in cast("dict[str, str]", raw.hgetall(KEYS.counters)).items()}
    for kind in KINDS:
        own = [each.name for each in world.plan.alerts if KINDS[each.kind] is kind]
        own += digests_of(raw, kind)
        statuses = {
            name: cast("str", raw.hget(KEYS.notification(name), "status"))
            for name in own
            if raw.exists(KEYS.result(name))
        }
        history = set(cast("list[str]", raw.zrange(KEYS.history(kind), 0, -1)))
        if history != set(statuses):
            yield f"the history of {kind} has {sorted(history)}, and records are there of {sorted(statuses)}"
        for status in set(statuses.values()):
            index = set(cast("list[str]", raw.zrange(KEYS.history(f"{kind}:{status}"), 0, -1)))
            if index != {name for name, its in statuses.items() if its == status}:
                yield f"the history of {kind} has {sorted(index)} as {status}, and the alerts say {statuses}"
        dead = set(cast("list[str]", raw.zrange(KEYS.dead_letters(kind), 0, -1)))
        if dead != {name for name, status in statuses.items() if status not in GOOD}:
            yield f"the dead letters of {kind} are {sorted(dead)}, and the alerts say {statuses}"
        ended = sum(
            count
            for name, count in counters.items()
            if name.split("|")[0] in {"delivered", "failed", "absorbed"} and name.split("|")[1] == kind
        )
        if not (world.forgotten or world.plan.beside_0_2) and ended != len(statuses):  # 0.2 counts nothing
            yield f"{ended} ends of {kind} are counted, and {len(statuses)} alerts have ended"
    if world.plan.beside_0_2:
        return
    requests = sum(count for name, count in counters.items() if name.startswith("requests|"))
    made = world.discord.requests + world.discord.look_ups
    if requests > made or (not world.plan.faults and requests != made):
        yield f"{requests} requests are counted, and Discord was asked {made} times"
