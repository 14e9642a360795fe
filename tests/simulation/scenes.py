"""What rarely comes together by chance: a few faults that meet, added to some plans."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tests.simulation.answers import FURTHER, OF_A_LOOK_UP, SELDOM
from tests.simulation.plan import (
    BATCH_PAUSE,
    CALLERS_CLOCK,
    FAULT_SECONDS,
    OF_A_CALLER,
    ORNAMENTS,
    TYPES,
    Fault,
    Plan,
    Raised,
    drawn,
)

Scene = Callable[[Plan, random.Random], Plan]
OFTEN = 0.25
"""Of how many plans one is a part."""
BESIDE_0_2 = 0.06
"""In how many plans version 0.2 runs beside today's."""
SEVERAL = 0.15
"""In how many of the others some types have several webhooks."""
CROWDS = 0.03
"""In how many of these a channel gets more requests than Discord takes in a minute."""
DIGESTS = 0.1
"""In how many of these alerts are folded; and in how many they are collected."""

MISLED = 0.2
"""In how many an operation is run long after it was made, or twice."""
LATER = {"request_late": (1.1, 12.0), "twice": (0.05, 12.0)}

WITHOUT_REDIS = 0.12
"""In how many a caller with a disk raises alerts while Redis is away."""

FORGOTTEN = 0.06
"""In how many Redis forgets a commit, and not that its alert was admitted."""

ANSWERED_SELDOM = 0.12
"""In how many Discord gives answers that it seldom gives."""
ANSWERED_FURTHER = 0.2
"""In how many it, or something in its place, gives those that are left, names what of an alert it does not take, and
answers to Get Webhook as it answers to posts."""


def plan_of(seed: int) -> Plan:
    """The plan of a seed."""
    plan, chance, versions = drawn(seed), random.Random(f"scene of {seed}"), random.Random(f"versions of {seed}")
    if chance.random() < OFTEN:
        plan = SCENES[chance.choice(list(SCENES))](plan, chance)
    if versions.random() < BESIDE_0_2:
        return _beside_0_2(plan, versions)
    webhooks, digests = random.Random(f"webhooks of {seed}"), random.Random(f"digests of {seed}")
    if webhooks.random() < SEVERAL:
        plan = _several(plan, webhooks)
    plan = _misled(plan, random.Random(f"operations of {seed}"))
    plan = _answered_seldom(plan, random.Random(f"answers of {seed}"))
    plan = _without_redis(plan, random.Random(f"disk of {seed}"))
    plan = _forgets_a_commit(plan, random.Random(f"commits of {seed}"))
    plan = _answered_further(plan, random.Random(f"further answers of {seed}"))
    plan = _by_its_token(plan, random.Random(f"tokens of {seed}"))
    folds, collects = digests.random() < DIGESTS, digests.random() < DIGESTS
    if folds or collects:
        return replace(_flood(plan, digests), folds=folds, collects=collects)
    requests = random.Random(f"requests of {seed}")
    return _crowd(plan, requests) if requests.random() < CROWDS else plan


def _crowd(plan: Plan, chance: random.Random) -> Plan:
    """Alerts of one type, most of which go alone: more than its channel takes in a minute."""
    kind, first = chance.randrange(TYPES), len(plan.alerts) + 1
    more = [
        Raised(round(1 + 0.6 * number + chance.uniform(0, 0.4), 3), f"alert-{first + number}", kind)
        for number in range(chance.randint(36, 48))
    ]
    return replace(plan, alerts=tuple(sorted((*plan.alerts, *more), key=lambda each: each.at)), crowds=True)


def _misled(plan: Plan, chance: random.Random) -> Plan:
    """Operations reach Redis after their callers have given up and tried again, or once more."""
    if chance.random() >= MISLED:
        return plan
    faults = tuple(
        Fault(f"operation {what}", chance.randrange(400), 0, round(chance.uniform(*LATER[what]), 3))
        for what in chance.choices(list(LATER), k=chance.randint(1, 8))
    )
    return replace(plan, faults=(*plan.faults, *faults))


def _answered_seldom(plan: Plan, chance: random.Random) -> Plan:
    """Discord gives answers that it seldom gives."""
    if chance.random() >= ANSWERED_SELDOM:
        return plan
    faults = tuple(
        Fault(f"answer {what}", chance.randrange(15), 0, round(chance.uniform(0.1, 3.0), 3))
        for what in chance.choices(list(SELDOM), k=chance.randint(1, 3))
    )
    return replace(plan, faults=(*plan.faults, *faults))


def _answered_further(plan: Plan, chance: random.Random) -> Plan:
    """All other answers, to posts and to Get Webhook; and alerts of which Discord does not take a part."""
    if chance.random() >= ANSWERED_FURTHER:
        return plan

    def fault(family: str, kinds: Sequence[str], last: int) -> Fault:
        return Fault(f"{family} {chance.choice(kinds)}", chance.randrange(last), 0, round(chance.uniform(0.1, 3.0), 3))

    answers = [fault("answer", FURTHER, 15) for _ in range(chance.randint(1, 6))]
    if any(each.what == "answer moved" for each in answers):
        answers.append(fault("answer", ("moved",), 15))  # and back
    look_ups = [fault("look_up", OF_A_LOOK_UP, 4) for _ in range(chance.choice((0, 0, 1, 2)))]
    alerts = tuple(
        each if each.key or chance.random() < 0.8 else replace(each, ornament=chance.choice(list(ORNAMENTS)))
        for each in plan.alerts
    )
    return replace(plan, alerts=alerts, faults=(*plan.faults, *answers, *look_ups))


def _by_its_token(plan: Plan, chance: random.Random) -> Plan:
    """Of webhooks that are gone, half are there, and Discord takes their token no more."""

    def told(fault: Fault) -> Fault:
        is_one = fault.what == "answer gone" and chance.random() < 0.5
        return replace(fault, what="answer token_invalid") if is_one else fault

    return replace(plan, faults=tuple(map(told, plan.faults)))


def _without_redis(plan: Plan, chance: random.Random) -> Plan:
    """A caller that has a disk raises alerts while Redis is away; its clock may jump meanwhile, or it be killed."""
    if chance.random() >= WITHOUT_REDIS:
        return plan
    at, away, first = chance.uniform(1, FAULT_SECONDS - 8), chance.uniform(1, 6), len(plan.alerts) + 1
    more = [
        Raised(
            round(at + chance.uniform(0.05, away), 3),
            f"alert-{first + number}",
            chance.randrange(TYPES),
            expires=chance.uniform(3, 40) if chance.random() < 0.2 else None,
            after=chance.uniform(5, 20) if chance.random() < 0.2 else None,
        )
        for number in range(chance.randint(3, 8))
    ]
    faults = [Fault("restart", round(at, 3), 0, round(away, 3))]
    for what, (least, most) in (OF_A_CALLER | {CALLERS_CLOCK: (-120.0, 120.0)}).items():
        if chance.random() < 0.25:
            faults.append(
                Fault(what, round(at + chance.uniform(0, away + 2), 3), 0, round(chance.uniform(least, most), 3))
            )
    alerts = tuple(sorted((*plan.alerts, *more), key=lambda each: each.at))
    return replace(plan, alerts=alerts, faults=(*plan.faults, *faults), spools=True)


def _forgets_a_commit(plan: Plan, chance: random.Random) -> Plan:
    """Redis forgets that a postponed alert was posted, and one behind it is claimed as soon as it is back."""
    if chance.random() >= FORGOTTEN:
        return plan
    kind, first = chance.randrange(TYPES), len(plan.alerts) + 1
    at, after = round(chance.uniform(1, FAULT_SECONDS - 8), 3), round(chance.uniform(2, 4), 3)
    since, forgotten = at + after - chance.uniform(0.05, 0.4), chance.uniform(0.8, 1.9)
    more = (
        Raised(at, f"alert-{first}", kind, after=after),
        Raised(round(since + forgotten + chance.uniform(0.3, 0.8), 3), f"alert-{first + 1}", kind),
    )
    forgets = Fault("forget", round(since, 3), 0, round(forgotten, 3))
    alerts = tuple(sorted((*plan.alerts, *more), key=lambda each: each.at))
    return replace(plan, alerts=alerts, faults=(*plan.faults, forgets))


def _flood(plan: Plan, chance: random.Random) -> Plan:
    """Many alerts of one type at once."""
    begins, kind, first = chance.uniform(0.5, FAULT_SECONDS - 8), chance.randrange(TYPES), len(plan.alerts) + 1
    more = [
        Raised(
            round(begins + chance.uniform(0, 0.3), 3), f"alert-{first + number}", kind, refused=chance.random() < 0.05
        )
        for number in range(chance.randint(5, 14))
    ]
    return replace(plan, alerts=tuple(sorted((*plan.alerts, *more), key=lambda each: each.at)))


def _several(plan: Plan, chance: random.Random) -> Plan:
    """Some types have several webhooks, of which one or two may be gone."""
    sources = [f"source-{number}" for number in range(chance.randint(1, 4))]
    alerts = tuple(
        replace(each, source=chance.choice(sources)) if chance.random() < 0.6 else each for each in plan.alerts
    )
    gone = [Fault("answer gone", chance.randrange(10)) for _ in range(chance.choice((0, 1, 1, 2)))]
    return replace(plan, alerts=alerts, faults=(*plan.faults, *gone), several=True)


def _beside_0_2(plan: Plan, chance: random.Random) -> Plan:
    """Version 0.2 takes part. What it does not know is left out: here all are to keep what it has promised."""
    plain = (replace(each, key="", expires=None, after=None, revoked=None) for each in plan.alerts if not each.change)
    alerts = tuple(replace(each, is_of_0_2=chance.random() < 0.5) for each in plain)
    faults = tuple(each for each in plan.faults if each.what not in ("forget", "failover"))  # it commits nothing again
    return replace(plan, alerts=alerts, faults=faults, upgrades=False, beside_0_2=True)


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
