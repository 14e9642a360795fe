"""Whatever fails, and in whatever order, no promise is broken: hundreds of runs, each of a seed."""

import logging
from collections import Counter
from collections.abc import Iterator

import pytest

from notifier.outcome import FAULTS, Delivered, Reason
from tests.simulation.answers import LOSES_ITS_ANSWER, NEVER_ARRIVES, NOT_TAKEN, OF_A_LOOK_UP, OTHERS
from tests.simulation.embeds import OF_ALL
from tests.simulation.plan import Plan, Raised
from tests.simulation.planted import BUGS
from tests.simulation.pool import pool_of, remembered
from tests.simulation.redis_state import Server, a_server
from tests.simulation.run import kind_of, run, shrunk, told
from tests.simulation.scenes import plan_of
from tests.simulation.scheduler import SECOND
from tests.simulation.table import known_seeds
from tests.simulation.webhooks import KINDS, all_of

pytestmark = pytest.mark.slow
SEEDS, AT_ONCE = 300, 30
BESIDE = 20
FOUND = (401, 501, 1_374, 1_639, 7_366, 30_089, 30_639, 900_167, 900_272, 900_398)
"""A worker was taken for back too early; a batch was leased again after its commit; a worker that had stood still was
not missed; the clock stepped back as Redis forgot. The others found faults of this model: Discord, what Redis loses, a
disk, and when a run is over."""
FIND_AGAIN = "Once plans or steps have changed, this finds others: python -m tests.simulation --planted --seeds 2000"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A Redis of its own: it loses its scripts and its data again and again."""
    logging.disable(logging.CRITICAL)
    with a_server() as one:
        yield one
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_no_promise_is_broken(server: Server, first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        broken, _ = run(plan_of(seed), server)
        assert not broken, told(plan_of(seed), server)


def test_versions_run_side_by_side(server: Server) -> None:
    """Of the plans above, few are of this kind."""
    plans = [plan for plan in map(plan_of, range(SEEDS, 3 * SEEDS)) if plan.beside_0_2]
    assert len(plans) > BESIDE
    for plan in plans:
        broken, world = run(plan, server)
        assert not broken, told(plan, server)
        assert any("(0.2)" in line for line in world.trace)


def test_types_have_several_webhooks_of_which_some_are_gone(server: Server) -> None:
    plans = [plan for plan in map(plan_of, range(SEEDS, 2 * SEEDS)) if plan.several]
    assert len(plans) > BESIDE
    asked, gone = set[str](), set[str]()
    for plan in plans[:BESIDE]:
        broken, world = run(plan, server)
        assert not broken, told(plan, server)
        asked |= world.discord.webhooks.keys()
        gone |= world.discord.gone
    assert asked == {webhook.id for kind in KINDS for webhook in all_of(kind)}
    assert gone


def test_alerts_go_onto_a_disk_while_redis_is_away(server: Server) -> None:
    plans = [plan for plan in map(plan_of, range(SEEDS, 2 * SEEDS)) if plan.spools]
    away = [plan for plan in plans if any(each.what == "restart" for each in plan.faults)]
    assert len(away) > BESIDE
    used = 0
    for plan in away[:BESIDE]:
        broken, world = run(plan, server)
        assert not broken, told(plan, server)
        used += bool(world.caller.spooled)
    assert used > BESIDE / 2


def test_alerts_are_folded_and_collected(server: Server) -> None:
    plans = [plan for plan in map(plan_of, range(SEEDS, 2 * SEEDS)) if plan.folds or plan.collects]
    assert len(plans) > BESIDE
    statuses, posted, of_all = Counter[str | None](), set[str](), False
    for plan in plans[:BESIDE]:
        broken, world = run(plan, server)
        assert not broken, told(plan, server)
        statuses.update(world.status_of(each.name) for each in plan.alerts)
        posted |= {name for name, _, _ in world.discord.posted}
        of_all |= any(OF_ALL.match(embed["title"]) is not None for _, _, embed in world.discord.shown)
    assert statuses["folded"] > BESIDE
    assert any(name.startswith("the digest of ") for name in posted)
    assert of_all


OF_NO_ANSWER = {
    *(Reason.INVALID_MESSAGE, Reason.TEMPLATE_ERROR, Reason.WEBHOOK_QUARANTINED, Reason.WEBHOOK_NOT_CONFIGURED),
}
"""Why alerts end although nobody is asked."""


def test_discord_gives_every_answer_of_the_table_of_outcomes() -> None:
    answers = [*(each() for each in (*NEVER_ARRIVES.values(), *LOSES_ITS_ANSWER.values()))]
    answers += [each(1.0) for each in NOT_TAKEN.values()]
    reasons = {each.outcome.reason for each in answers if not isinstance(each.outcome, Delivered)}
    assert reasons >= FAULTS.keys() - OF_NO_ANSWER
    planned = {each.what for plan in map(plan_of, range(2_000)) for each in plan.faults}
    assert planned >= {f"answer {each}" for each in (*NEVER_ARRIVES, *LOSES_ITS_ANSWER, *NOT_TAKEN, *OTHERS)}
    assert planned >= {f"look_up {each}" for each in OF_A_LOOK_UP}


@pytest.mark.parametrize("seed", FOUND)
def test_what_a_seed_has_found_once_stays_mended(server: Server, seed: int) -> None:
    broken, _ = run(plan_of(seed), server)
    assert not broken, told(plan_of(seed), server)


def test_a_seed_is_the_same_run_whatever_ran_before_and_in_any_process(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first = run(plan_of(11), server)
    run(plan_of(4), server)
    for bug in ("a lost answer counts as a failure", "whoever commits has the lease"):
        with BUGS[bug]():
            run(plan_of(1), server)
    _, again = run(plan_of(11), server)
    assert again.happened == first.happened
    monkeypatch.setenv("PYTHONHASHSEED", "1")
    with pool_of(1) as pool:
        assert pool.apply(remembered, (11,)) == first.happened


def test_a_run_ends_only_after_the_caller_was_told_of_its_last_alert(server: Server) -> None:
    """What is raised as all else has ended would be taken for lost."""
    last = Raised(21, "alert-1", 0)
    plan = Plan(0, (Raised(1, "alert-0", 0), last), (), sliding=False)
    broken, world = run(plan, server)
    assert not broken
    assert world.accepted_at.keys() == {"alert-0", "alert-1"}
    assert world.scheduler.now > (last.at + 6) * SECOND
    assert len(world.discord.posted) == 2, "else nothing that runs is looked at"


def test_what_fails_is_told_without_what_it_does_not_need(server: Server) -> None:
    bug = "a lost answer counts as a failure"
    plan = plan_of(known_seeds()[bug])
    with BUGS[bug]():
        broken, world = run(plan, server)
        short = shrunk(plan, server)
        broken_by_short, short_world = run(short, server)
        text = told(short, server)
    assert kind_of(broken[0]) in map(kind_of, broken_by_short)
    assert set(short.alerts) < set(plan.alerts)
    assert set(short.faults) < set(plan.faults)
    assert short.faults, "without an answer that is lost nothing breaks"
    assert len(short_world.trace) < len(world.trace)
    lines = text.splitlines()
    assert lines[0] == f"seed {plan.seed}:"
    assert lines[1:] == [*broken_by_short, *map(str, short.alerts), *map(str, short.faults), *short_world.trace]


def test_the_table_says_which_seed_finds_each_planted_bug() -> None:
    assert known_seeds().keys() == BUGS.keys(), FIND_AGAIN


@pytest.mark.parametrize(("bug", "seed"), known_seeds().items())
def test_a_planted_bug_is_found(server: Server, bug: str, seed: int) -> None:
    with BUGS[bug]():
        broken, _ = run(plan_of(seed), server)
    assert broken, f"seed {seed} finds it no more. {FIND_AGAIN}"
