"""The thread that sweeps ends with its worker."""

import json
import threading
from collections.abc import Iterator
from typing import Any, cast

import pytest

from notifier.gate.machines import this_machine
from notifier.models import AlertType
from notifier.routing import Partition
from tasks import sweeper as sweeper_module
from tasks.notifications import pipeline
from tasks.sweeper import Sweeper
from tests.unit.worker.test_sweep import sweep


class Step:
    """The first step of a sweep, under way until it is let go."""

    def __init__(self) -> None:
        self.began, self.go_on, self.ended = threading.Event(), threading.Event(), threading.Event()

    def __call__(self, *_: Any, **__: Any) -> None:
        """Wait for something that takes long."""
        self.began.set()
        assert self.go_on.wait(30)
        self.ended.set()


@pytest.fixture
def step() -> Iterator[Step]:
    step = Step()
    yield step
    step.go_on.set()


@pytest.fixture
def parts(step: Step, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    made, parts = sweep()
    parts["outbox"].sweep.side_effect = step
    monkeypatch.setitem(vars(pipeline), "sweep", made)
    return parts


def test_a_warm_shutdown_awaits_the_step_under_way_and_begins_no_other(step: Step, parts: dict[str, Any]) -> None:
    worker: Any = None
    sweeper = Sweeper(worker)
    sweeper.start(worker)
    assert step.began.wait(30)
    stopping = threading.Thread(target=sweeper.stop, args=(worker,))
    stopping.start()
    stopping.join(0.05)
    assert stopping.is_alive(), "it waits for the step"
    step.go_on.set()
    stopping.join(30)
    assert (step.ended.is_set(), sweeper._thread.is_alive()) == (True, False)
    assert parts["outbox"].sweep.call_count == 1
    parts["report"].assert_not_called()


def test_a_worker_is_known_to_the_fleet_before_it_is_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    announced: list[Any] = []
    monkeypatch.setattr(pipeline.heartbeat, "announce", announced.append)
    sweeper = Sweeper(cast("Any", None))
    monkeypatch.setattr(sweeper._thread, "start", lambda: None)  # it may be late
    sweeper.start(None)
    assert announced == [sweeper._holdings]


def test_a_cold_one_waits_for_nothing(step: Step, parts: dict[str, Any]) -> None:
    worker: Any = None
    sweeper = Sweeper(worker)
    sweeper.start(worker)
    assert step.began.wait(30)
    sweeper.terminate(worker)
    assert not step.ended.is_set()
    step.go_on.set()
    sweeper._thread.join(30)
    assert parts["outbox"].sweep.call_count == 1


def test_between_sweeps_it_tells_of_requests_that_hang(
    step: Step, parts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = threading.Event()
    monkeypatch.setattr(sweeper_module, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(pipeline.delivery_worker, "tell_hanging", told.set)
    worker: Any = None
    sweeper = Sweeper(worker)
    sweeper.start(worker)
    step.go_on.set()
    assert told.wait(30)
    assert parts["outbox"].sweep.call_count == len(AlertType), "of one sweep"
    sweeper.stop(worker)


def test_a_worker_tells_the_fleet_the_machine_whose_faults_are_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under the same name: else one that cannot reach Discord keeps the alerts of a type to itself."""
    worker: Any = None
    monkeypatch.setattr(sweeper_module, "served_types", lambda: [AlertType.ERROR])
    sweeper = Sweeper(worker)
    monkeypatch.setattr(pipeline.outbox.partitions, "of", lambda kind: [Partition(kind)])
    (told,) = map(json.loads, filter(None, sweeper._holdings().values()))
    assert told["machine"] == this_machine() != ""
    sweeper.terminate(worker)
    assert not any(sweeper._holdings().values()), "one that stops takes no more"
