"""What must hold of incidents when a run is over."""

from collections.abc import Iterator
from typing import Any

from tests.simulation.plan import PAUSES, Raised
from tests.simulation.world import World

SHOWN = {"delivered", "repeated", "not_open"}
OF_LATE_REQUESTS = {*PAUSES, "kill", "cut_off"}
"""After these a request may reach Discord although its worker is taken for dead."""


def broken_by_incidents(world: World) -> Iterator[str]:
    """One message for each incident, which counts each of its alerts once; its changes in order; its end wins."""
    if world.forgotten:
        return  # if the alert that opened it is forgotten, the next opens it
    for title in sorted({each.shown_as for each in world.accepted.values() if each.key}):
        own = [each for each in world.plan.alerts if each.shown_as == title]
        # a dead letter is told as one; what a caller does not know of may have opened it
        statuses = {status for each in own if (status := world.status_of(each.name))}
        repeats = [each for each in own if not each.change and each.name in world.accepted]
        if statuses <= SHOWN and repeats:
            yield from _of_one(world, title, own, repeats)


def _of_one(world: World, title: str, own: list[Raised], repeats: list[Raised]) -> Iterator[str]:
    shown = [(message_id, embed) for message_id, name, embed in world.discord.shown if name == title]
    most = len(repeats) + sum(not each.change and each.name in world.maybe for each in own)
    counts: dict[str, list[int]] = {}
    for message_id, embed in shown:
        counts.setdefault(message_id, []).append(_count(embed))
    least = 1 if world.plan.folds else len(repeats)  # where there is no room for an edit, the next one shows it
    if not counts or not least <= max(each[-1] for each in counts.values()) <= most:
        yield f"{title} was raised {len(repeats)} to {most} times; its messages say {list(counts.values())}"
    late = any(each.what in OF_LATE_REQUESTS for each in world.plan.faults)
    if not late and any(each != sorted(each) for each in counts.values()):
        yield f"{title} was changed out of order: {list(counts.values())}"
    for each in own:
        if each.change == "resolve" and each.name in world.accepted:
            yield from _of_its_end(world, title, each, repeats, shown)


def _of_its_end(
    world: World, title: str, end: Raised, repeats: list[Raised], shown: list[tuple[str, dict[str, Any]]]
) -> Iterator[str]:
    if any(world.accepted_at[each.name] > world.caller.raised_at[end.name] for each in repeats):
        return  # it came at the same time
    if world.status_of(end.name) == "not_open":
        yield f"{title} was open, and its end ended nothing"
    elif shown and "Resolved" not in {field["name"] for field in shown[-1][1].get("fields", ())}:
        yield f"{title} has ended, and its message does not say so"


def _count(embed: dict[str, Any]) -> int:
    return next((int(each["value"].split()[1]) for each in embed.get("fields", ()) if each["name"] == "Repeated"), 1)
