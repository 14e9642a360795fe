"""Whatever fails, and in whatever order, no promise is broken: hundreds of runs, each of a seed."""

import logging
from collections.abc import Iterator

import pytest

from tests.simulation.plan import plan_of
from tests.simulation.planted import BUGS, SOON_FOUND
from tests.simulation.redis_state import Server, a_server
from tests.simulation.run import found_by, run, told

pytestmark = pytest.mark.slow
SEEDS, AT_ONCE = 300, 30
TRIES = 40
"""From the seed that is known to find a bug: another one may do so once the code has changed."""


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


def test_a_seed_is_always_the_same_run(server: Server) -> None:
    (_, one), (_, other) = run(plan_of(11), server), run(plan_of(11), server)
    assert one.trace == other.trace
    assert one.discord.posted == other.discord.posted
    assert one.network.operations == other.network.operations


@pytest.mark.parametrize("bug", SOON_FOUND)
def test_a_planted_bug_is_found(server: Server, bug: str) -> None:
    first = SOON_FOUND[bug]
    assert found_by(BUGS[bug], range(first, first + TRIES), server) is not None
