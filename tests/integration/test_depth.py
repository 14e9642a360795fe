"""What a step asks of Redis does not grow with what waits."""

from collections.abc import Callable
from itertools import count

import pytest

from notifier.models import AlertType
from notifier.outbox import admission as admission_module
from notifier.outbox import outbox as outbox_module
from notifier.outbox.claim import Batch
from tests.integration.conftest import Bench, MakeBench, by_test_clock
from tests.names import names

CALLS = "test:calls"
WAKE_UP = names.outbox(AlertType.GENERAL, "wake_up")
COUNTING = f"""
local redis = setmetatable({{ call = (function(call)
  return function(...)
    call('INCR', '{CALLS}')
    return call(...)
  end
end)(redis.call) }}, {{ __index = redis }})
"""
"""Before all else, so that it is Redis for the files of the step too."""
FEW, MANY = 20, 400
NAMES = map("alert {:04}".format, count())


def by_counting(*files: str) -> str:
    """The scripts, which count what they call."""
    return COUNTING + by_test_clock(*files)


@pytest.fixture
def counting(make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench whose steps count what they call."""
    for module in (admission_module, outbox_module):
        monkeypatch.setattr(module, "script", by_counting)
    bench = make_bench(queue_size=2 * MANY, rate_limit=1_000)
    bench.admit("first")
    bench.commit(bench.batch())
    return bench


def calls(bench: Bench, step: Callable[[], object]) -> int:
    """How often a step calls Redis."""
    bench.redis.delete(WAKE_UP)  # its life is counted by Redis' own clock
    bench.redis.set(CALLS, 0)
    step()
    return int(bench.redis.get(CALLS) or 0)


def cost(bench: Bench, waiting: int) -> dict[str, int]:
    """What each step calls while so many wait, and the batch is full."""
    for _ in range(waiting - bench.outbox.depth(AlertType.GENERAL)):
        bench.admit(next(NAMES))
    bench.tick(60)  # lives of days are renewed once a minute
    batches: list[Batch] = []
    found = {
        "admit": calls(bench, lambda: bench.admit(next(NAMES))),
        "claim": calls(bench, lambda: batches.append(bench.batch())),
        "commit": calls(bench, lambda: bench.commit(batches[0])),
    }
    assert len(batches[0].items) == 10
    return found


def test_admit_claim_and_commit_call_as_much_with_many_waiting_as_with_few(counting: Bench) -> None:
    cost(counting, FEW)  # what is done once is done
    few = cost(counting, FEW)
    assert min(few.values()) > 5
    assert cost(counting, MANY) == few
