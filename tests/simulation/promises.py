"""What must hold when a run is over, and at any time in it."""

from collections import defaultdict
from collections.abc import Iterator
from typing import cast

from notifier.models import AlertType
from tests.simulation.counts import disagreeing
from tests.simulation.discord import KINDS, OUTBOXES, Posted, Request
from tests.simulation.incidents import broken_by_incidents
from tests.simulation.plan import PAUSES, STOPS
from tests.simulation.redis_state import LIVES
from tests.simulation.scheduler import SECOND
from tests.simulation.workers import KEYS
from tests.simulation.world import World

FINAL = {"delivered", "withdrawn", "rejected", "failed", "unknown", "expired", "repeated", "not_open"}
GOOD = {"delivered", "repeated", "not_open", "withdrawn"}


def broken_promises(world: World) -> list[str]:
    """Each broken promise of a run that is over, in words."""
    posted: defaultdict[str, list[Posted]] = defaultdict(list)
    for channel in world.discord.channels.values():
        for each in channel.posted:
            posted[each.name].append(each)
    return [
        *world.server.look(),
        *_lost(world, posted),
        *_doubled(world, posted),
        *_limits(world),
        *_left_behind(world),
        *_order(world),
        *_late(world, posted),
        *_at_once(world),
        *_woken(world),
        *_out_of_time(world, posted),
        *_withdrawn(world, posted),
        *broken_by_incidents(world),
        *disagreeing(world),
    ]


def _lost(world: World, posted: dict[str, list[Posted]]) -> Iterator[str]:
    raw = world.server.client
    for name, raised in world.accepted.items():
        if world.is_forgotten(name):
            continue
        status = world.status_of(name)
        if status is None or not raw.exists(KEYS.result(name)):
            yield f"{name} was accepted and never ended"
        elif status not in FINAL:
            yield f"{name} ended as {status}"
        elif status == "delivered" and not posted[raised.shown_as]:
            yield f"{name} is delivered by its record, and not in the channel"
        elif raised.refused and status not in {"rejected", "expired", "failed", "unknown", "withdrawn"}:
            yield f"{name} was refused by Discord, and ended as {status}"
        dead = raw.zscore(KEYS.dead_letters(KINDS[raised.kind]), name) is not None
        if status and dead != (status not in GOOD):
            yield f"{name} ended as {status}, and is {'' if dead else 'not '}among the dead letters"


def _withdrawn(world: World, posted: dict[str, list[Posted]]) -> Iterator[str]:
    """One that was withdrawn is not posted; nor is one withdrawn that nobody wanted to be."""
    late = any(each.what in {*PAUSES, "kill", "cut_off"} for each in world.plan.faults)
    for name in world.accepted:
        status, asked = world.status_of(name), world.caller.revoked.get(name)
        if status == "withdrawn" and asked is None:
            yield f"{name} was withdrawn, and nobody wanted that"
        if asked is None or asked.answer is None or world.forgotten:
            continue
        if (asked.answer == "withdrawn") != (status == "withdrawn") and asked.answer != "completed":
            yield f"{name} ended as {status}, and whoever withdrew it was told {asked.answer}"
        was_on_disk = name in world.caller.spooled  # Redis knows nothing of it
        if asked.answer == "not_found" and world.accepted_at[name] < asked.asked_at and not was_on_disk:
            yield f"{name} was admitted, and whoever withdrew it was told {asked.answer}"
        for copy in posted[name] if asked.answer == "withdrawn" else ():
            if copy.at > asked.told_at and not late:
                yield f"{name} was posted although it was withdrawn before"
            elif copy.at <= asked.told_at and not _is_doubtful(world, copy.request, asked.told_at):
                yield f"{name} was withdrawn although it was known to be posted"


def _is_doubtful(world: World, request: Request, at: int) -> bool:
    """Whether what became of a request may be unknown to the workers: only then is it made again."""
    if not request.answered:
        return True
    faults = {each.what for each in world.plan.faults}
    cannot_commit = request.by.dead or bool(faults & {*PAUSES, "cut_off"})
    is_late = any(each.startswith("operation") for each in faults)  # others wait two seconds for it, no longer
    if request.committed_at is None or request.committed_at > at:
        # others wait for a worker that lives, also while Redis is away or that worker stands still for a short time
        both = f"answer {STOPS}" in faults and bool(faults & {"restart", "forget", "failover"})
        return cannot_commit or both or "clock" in faults or is_late
    if not (cannot_commit or is_late):
        return False  # it commits again what Redis has forgotten
    return any(since <= request.committed_at <= until for since, until in world.forgotten)


def _doubled(world: World, posted: dict[str, list[Posted]]) -> Iterator[str]:
    keys = {each.shown_as for each in world.accepted.values() if each.key}
    for name, copies in posted.items():
        if name in keys and world.forgotten:
            continue  # if the alert that opened it is forgotten, the next opens it
        for place, copy in enumerate(copies[1:], 1):
            if any(copy.request is each.request for each in copies[:place]):
                continue  # the request arrived two times
            if not copy.is_marked:
                yield f"{name} is in the channel {place + 1} times, and that copy does not say so"
            if not any(_is_doubtful(world, each.request, copy.at) for each in copies[:place]):
                yield f"{name} was posted again although the answer was stored"


def _limits(world: World) -> Iterator[str]:
    # a clock that steps forward ends windows that Discord still counts
    if not any(each.what == "clock" for each in world.plan.faults):
        yield from world.discord.limited


def _left_behind(world: World) -> Iterator[str]:
    raw = world.server.client
    for kind in KINDS:
        for key in KEYS.outbox_parts(kind)[:3]:
            if left := cast("list[str]", raw.zrange(key, 0, -1)):
                yield f"{key} still holds {', '.join(left)}"
        if raw.hexists(KEYS.outbox(kind, "state"), "batch"):
            yield f"the outbox of {kind} has a batch under way although nothing waits"
    lives = set(cast("list[str]", raw.zrange(LIVES, 0, -1)))
    for key in sorted(set(cast("list[str]", raw.keys("*"))) - {LIVES}):
        if key not in lives and raw.pttl(key) == -1:
            yield f"{key} has no life"


KEEPS_ORDER = ("message", "operation", "answer limited", "restart")
"""After these no alert has an attempt behind it, so none waits while others go."""


def _order(world: World) -> Iterator[str]:
    """A channel shows the alerts of a type in the order in which they were admitted."""
    if any(not each.what.startswith(KEEPS_ORDER) for each in world.plan.faults):
        return
    for webhook, kinds in OUTBOXES.items():
        shown = list(dict.fromkeys(each.name for each in world.discord.channels[webhook].posted))
        for kind in kinds:
            mine = [name for name in shown if _has_its_place(world, name, kind)]
            for place, name in enumerate(mine):
                for other in mine[place + 1 :]:
                    if world.accepted_at[other] < world.caller.raised_at[name]:
                        yield f"in the channel of {webhook} {name} is before {other}, which was admitted before it"


def _has_its_place(world: World, name: str, kind: AlertType) -> bool:
    raised = world.accepted.get(name)
    return raised is not None and KINDS[raised.kind] is kind and not raised.after


SOON = 6 * SECOND
"""No run has more alerts than three periods of Discord's limit let through; a sweep comes each five seconds."""


def _late(world: World, posted: dict[str, list[Posted]]) -> Iterator[str]:
    if world.plan.faults:
        return
    for name, raised in world.accepted.items():
        if raised.key or raised.after or not posted[name]:
            continue
        waited = posted[name][0].at - world.accepted_at[name]
        if waited > SOON:
            yield f"{name} waited {waited / SECOND:.1f} s, and nothing failed"


def _out_of_time(world: World, posted: dict[str, list[Posted]]) -> Iterator[str]:
    """Nothing is posted before it is due, nor after it has expired (but for what was under way then)."""
    if any(each.what in {"clock", "forget", *PAUSES, f"answer {STOPS}"} for each in world.plan.faults):
        return
    for name, raised in world.accepted.items():
        for copy in posted[name]:
            waited = (copy.at - world.accepted_at[name]) / SECOND
            if copy.at / SECOND < raised.at + (raised.after or 0):
                yield f"{name} was posted after {waited:.1f} s, and due in {raised.after}"
            if waited > (raised.expires or float("inf")) + 2:
                yield f"{name} was posted after {waited:.1f} s, and had expired after {raised.expires}"


DISTURBING = {*PAUSES, "kill", "cut_off", "restart", "forget", "failover", "clock"}
"""After these a worker may be taken for dead while its request is under way, as one may that Redis keeps waiting; or
what it has under way is forgotten together with its alerts."""


def _at_once(world: World) -> Iterator[str]:
    if not any(each.what in DISTURBING or each.what.startswith("operation") for each in world.plan.faults):
        yield from world.discord.at_once


LOSES_WAKE_UPS = {*PAUSES, f"answer {STOPS}", "cut_off", "forget", "failover", "clock"}
"""After these Redis may not know of one that is under way, or one is sent long after it was asked for."""


def _woken(world: World) -> Iterator[str]:
    if not any(each.what in LOSES_WAKE_UPS or each.what.startswith("operation") for each in world.plan.faults):
        yield from world.broker.wake_ups.second
