"""What must hold when a run is over, and at any time in it."""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import cast

from notifier.outcome import Reason
from notifier.routing import Partition
from tests.simulation.counts import disagreeing
from tests.simulation.digests import broken_by_digests
from tests.simulation.embeds import DIGEST_NAME
from tests.simulation.incidents import broken_by_incidents
from tests.simulation.plan import CALLERS_CLOCK, PAUSES, STOPS
from tests.simulation.posts import Posted, Request
from tests.simulation.redis_state import LIVES
from tests.simulation.scheduler import SECOND
from tests.simulation.webhooks import KINDS, OUTBOXES, all_of, outbox_of
from tests.simulation.workers import KEYS
from tests.simulation.world import World

FINAL = {"delivered", "withdrawn", "rejected", "failed", "unknown", "expired", "repeated", "not_open", "folded"}
GOOD = {"delivered", "repeated", "not_open", "withdrawn", "folded"}


def broken_promises(world: World) -> list[str]:
    """Each broken promise of a run that is over, in words."""
    posted: defaultdict[str, list[Posted]] = defaultdict(list)
    for webhook in world.discord.webhooks.values():
        for each in webhook.posted:
            posted[each.name].append(each)
    for copies in posted.values():
        copies.sort(key=lambda each: each.at)
    return [
        *world.server.look(),
        *_lost(world, posted),
        *_repaired(world),
        *_doubled(world, posted),
        *_limits(world),
        *_disobeyed(world),
        *_left_behind(world),
        *_order(world, posted),
        *_spread(world, posted),
        *_gone(world),
        *_late(world, posted),
        *_at_once(world),
        *_woken(world),
        *_out_of_time(world, posted),
        *_withdrawn(world, posted),
        *broken_by_incidents(world),
        *broken_by_digests(world, posted.keys()),
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
        elif raised.refused and status not in {"rejected", "expired", "failed", "unknown", "withdrawn", "folded"}:
            yield f"{name} was refused by Discord, and ended as {status}"
        dead = raw.zscore(KEYS.dead_letters(KINDS[raised.kind]), name) is not None
        if status and dead != (status not in GOOD):
            yield f"{name} ended as {status}, and is {'' if dead else 'not '}among the dead letters"


def _repaired(world: World) -> Iterator[str]:
    """Nothing ends for a part that it can do without."""
    faults = [each.what for each in world.plan.faults]
    if "answer refused_unnamed" in faults or faults.count("answer moved") > 1:
        return  # an alert learns of each kind of channel once
    for name, raised in world.accepted.items():
        if raised.ornament and not raised.refused and _reason_of(world, name) == Reason.INVALID_PAYLOAD:
            yield f"{name} was refused, and Discord takes it without its {raised.ornament}"


def _reason_of(world: World, name: str) -> str | None:
    """Why an alert is a dead letter."""
    record = cast("str | None", world.server.client.hget(KEYS.notification(name), "record"))
    return json.loads(record)["reason"] if record else None


def _withdrawn(world: World, posted: dict[str, list[Posted]]) -> Iterator[str]:
    """One that was withdrawn is not posted; nor is one withdrawn that nobody wanted to be."""
    late = any(each.what in {*PAUSES, "kill", "cut_off"} for each in world.plan.faults)
    for name in world.accepted:
        status, asked = world.status_of(name), world.caller.revoked.get(name)
        if status == "withdrawn" and asked is None:
            yield f"{name} was withdrawn, and nobody wanted that"
        if asked is None or asked.answer is None or world.forgotten:
            continue
        if asked.answer.endswith("withdrawn") != (status == "withdrawn") and asked.answer != "completed":
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
        if (name in keys or name.startswith(DIGEST_NAME)) and world.forgotten:
            continue  # if the alert that opened it is forgotten, the next opens it; so with what a digest counts
        for place, copy in enumerate(copies[1:], 1):
            if any(copy.request is each.request for each in copies[:place]):
                continue  # the request arrived two times
            if name in keys and _is_out_of_reach(world, copies[place - 1]):
                continue
            if not copy.is_marked:
                yield f"{name} is in the channel {place + 1} times, and that copy does not say so"
            begun_at = copy.request.begun_at  # what is stored while it is under way comes too late for it
            if not any(_is_doubtful(world, each.request, begun_at) for each in copies[:place]):
                yield f"{name} was posted again although the answer was stored"


def _is_out_of_reach(world: World, copy: Posted) -> bool:
    """Whether nobody can change that one any more."""
    return copy.request.webhook in world.discord.gone or copy.message_id in world.discord.deleted


def _limits(world: World) -> Iterator[str]:
    faults = {each.what for each in world.plan.faults}
    if "clock" in faults:
        return  # one that steps forward ends windows that Discord still counts
    # what Redis has forgotten it lacks until the worker that has asked commits it again
    lacks = world.forgotten and faults & {"kill", "cut_off", *PAUSES}
    for told in world.discord.limits.exceeded:
        if not (lacks and "in a minute" in told):
            yield told


def _disobeyed(world: World) -> Iterator[str]:
    """A 429 and a ban are obeyed, once a worker has stored them."""
    # Redis forgets them; a clock that steps forward ends them; version 0.2 takes a ban at its word
    if not world.plan.beside_0_2 and not any(
        each.what in {"clock", "forget", "failover"} for each in world.plan.faults
    ):
        yield from world.discord.pauses.disobeyed


def _left_behind(world: World) -> Iterator[str]:
    raw = world.server.client
    for outbox in OUTBOXES:
        for key in KEYS.outbox_parts(outbox)[:3]:
            if left := cast("list[str]", raw.zrange(key, 0, -1)):
                yield f"{key} still holds {', '.join(left)}"
        if raw.hexists(KEYS.outbox(outbox, "state"), "batch"):
            yield f"the outbox of {outbox} has a batch under way although nothing waits"
    lives = set(cast("list[str]", raw.zrange(LIVES, 0, -1)))
    for key in sorted(set(cast("list[str]", raw.keys("*"))) - {LIVES}):
        if key not in lives and raw.pttl(key) == -1:
            yield f"{key} has no life"


KEEPS_ORDER = ("message", "operation", "answer limited", "answer gone", "answer token_invalid", "restart")
"""After these no alert has an attempt behind it, so none waits while others go."""
COUNTED_SECONDS = 3
"""So soon Redis knows of all webhooks of a type, whatever of the above happens to the first heartbeats."""


def _order(world: World, posted: dict[str, list[Posted]]) -> Iterator[str]:
    """The alerts of a type are posted in the order in which they were admitted; if it has several webhooks, so are
    those of one source, whichever of these take them."""
    if not _keeps_order(world):
        return
    shown = sorted((copies[0] for copies in posted.values()), key=lambda each: each.at)
    for outbox in OUTBOXES:
        mine = [each.name for each in shown if _place_of(world, each.name) == outbox]
        for place, name in enumerate(mine):
            for other in mine[place + 1 :]:
                if world.accepted_at[other] < world.caller.raised_at[name]:
                    yield f"of {outbox} {name} is before {other}, which was admitted before it"


def _keeps_order(world: World) -> bool:
    # nobody but a wake-up comes for a group: if its claim is not answered, the group waits for the end of the lease
    kept = KEEPS_ORDER if not world.plan.collects else tuple(each for each in KEEPS_ORDER if each != "operation")
    return all(each.what.startswith(kept) for each in world.plan.faults)


def _place_of(world: World, name: str) -> Partition | None:
    """The outbox in which an alert waits in its order, if it does."""
    raised = world.accepted.get(name)
    if raised is None or raised.after:
        return None
    if not world.plan.several:
        return Partition(KINDS[raised.kind])
    return outbox_of(raised) if raised.at > COUNTED_SECONDS else None


def _spread(world: World, posted: dict[str, list[Posted]]) -> Iterator[str]:
    """Of a type with several webhooks each takes its share; in place of one that is gone, another one does."""
    if not world.plan.several:
        return
    for name, raised in world.accepted.items():
        place, webhooks = _place_of(world, name), [each.id for each in all_of(KINDS[raised.kind])]
        if not world.discord.gone and _keeps_order(world) and place:
            for copy in posted[name]:
                if copy.request.webhook != webhooks[place.number]:
                    yield f"{name} of {place} went by {copy.request.webhook}"


def _gone(world: World) -> Iterator[str]:
    """A webhook that is gone is asked no more, and that is told; only what Discord says itself ends one."""
    for name, raised in world.accepted.items():
        webhooks = {each.id for each in all_of(KINDS[raised.kind])[: None if world.plan.several else 1]}
        reason = _reason_of(world, name)
        if reason == Reason.WEBHOOK_QUARANTINED and not webhooks <= world.discord.gone:
            yield f"{name} ended as {reason}, and its type has another webhook"
    if any(each.what in DISTURBING or each.what.startswith("operation") for each in world.plan.faults):
        return
    yield from world.discord.in_vain
    for webhook in world.discord.gone_known:
        if not world.server.client.hexists(KEYS.troubles, f"webhook_gone|{webhook}|"):
            yield f"{webhook} is gone, and nobody is told"


SOON = 6 * SECOND
"""No run has more alerts than three periods of Discord's limit let through; a sweep comes each five seconds."""


def _late(world: World, posted: dict[str, list[Posted]]) -> Iterator[str]:
    if world.plan.faults or world.plan.crowds:
        return
    for name, raised in world.accepted.items():
        if raised.key or raised.after or not posted[name]:
            continue
        waited = posted[name][0].at - world.accepted_at[name]
        if waited > SOON:
            yield f"{name} waited {waited / SECOND:.1f} s, and nothing failed"


def _out_of_time(world: World, posted: dict[str, list[Posted]]) -> Iterator[str]:
    """Nothing is posted before it is due, nor after it has expired (but for what was under way then)."""
    if any(each.what in {"clock", CALLERS_CLOCK, "forget", *PAUSES, f"answer {STOPS}"} for each in world.plan.faults):
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
