"""Processes that run seeds at the same time, each with a Redis of its own."""

import gc
import logging
import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.pool import Pool

from tests.simulation.planted import BUGS
from tests.simulation.redis_state import Server, a_server
from tests.simulation.run import Found, found_by, run, told
from tests.simulation.scenes import plan_of
from tests.simulation.table import known_seeds

COLLECTED_EACH = 10
"""A run that is over holds megabytes of scripts, but so few objects that Python would keep hundreds of runs."""
_own: list[Server] = []
"""The Redis of this process of the pool."""


def _begin(paths: "multiprocessing.SimpleQueue[str]") -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process ends the others
    logging.disable(logging.CRITICAL)  # of the workers: what they do is in the trace
    _own.append(Server(paths.get()))


def tried(seed: int) -> str:
    """What is told of a seed that breaks a promise; '' of any other."""
    if seed % COLLECTED_EACH == 0:
        gc.collect()
    return told(plan_of(seed), _own[0]) if run(plan_of(seed), _own[0])[0] else ""


def remembered(seed: int) -> object:
    """All that happens in the run of a seed."""
    return run(plan_of(seed), _own[0])[1].happened


def sought(name: str, first: int, seeds: int) -> tuple[str, Found | None]:
    """A planted bug, and what finds it: the seed that is known to, while it does and is among these."""
    among = range(first, first + seeds)
    known = [known_seeds()[name]] if known_seeds().get(name) in among else []
    return name, found_by(BUGS[name], (*known, *among), _own[0])


@contextmanager
def pool_of(processes: int) -> Iterator[Pool]:
    """Processes with a Redis each."""
    context = multiprocessing.get_context("spawn")
    with ExitStack() as stack:
        paths: multiprocessing.SimpleQueue[str] = context.SimpleQueue()
        for _ in range(processes):
            paths.put(stack.enter_context(a_server()).path)
        yield stack.enter_context(context.Pool(processes, _begin, (paths,)))
