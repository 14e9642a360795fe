"""What a worker does as it starts and ends: its slow requests are nobody else's until it has waited for them."""

import gc
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock, call

import pytest
from celery.app import trace
from celery.signals import worker_init, worker_process_shutdown, worker_ready, worker_shutdown

from notifier.worker.ignored import BriefExceptionInfo
from tasks import startup


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """What the worker has."""
    parts = Mock()
    for name in ("delivery_worker", "heartbeat"):
        monkeypatch.setitem(vars(startup.pipeline), name, getattr(parts, name))
    return parts


ENDED = [call.delivery_worker.drain(), call.heartbeat.leave()]


def receivers(signal: Any) -> list[Any]:
    return [receive for _, reference in signal.receivers if (receive := reference())]


def test_it_leaves_the_fleet_once_its_slow_requests_have_ended(parts: Mock) -> None:
    assert startup.await_slow_requests in receivers(worker_shutdown)
    startup.await_slow_requests()
    assert parts.mock_calls == ENDED


@pytest.mark.parametrize(("exit_code", "waits"), [(0, True), (1, True), (-9, False)])
def test_a_process_of_its_pool_does_so_unless_a_signal_ends_it(parts: Mock, exit_code: int, waits: bool) -> None:
    assert startup.await_slow_requests_of_child in receivers(worker_process_shutdown)
    startup.await_slow_requests_of_child(exitcode=exit_code)
    assert parts.mock_calls == (ENDED if waits else [])


@pytest.fixture
def thawed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process keeps as much as before, and its collector looks at everything again afterwards."""
    monkeypatch.setattr(trace, "ExceptionInfo", vars(trace)["ExceptionInfo"])
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("thawed")
def test_a_worker_keeps_no_frames_of_its_delivery_tasks() -> None:
    startup.bound_memory()
    assert vars(trace)["ExceptionInfo"] is BriefExceptionInfo


@pytest.mark.usefixtures("thawed")
def test_the_collector_looks_no_more_at_what_a_worker_has_loaded() -> None:
    assert startup.bound_memory in receivers(worker_init), "before a pool forks"
    startup.bound_memory()
    before = gc.get_freeze_count()
    assert before > 10_000
    assert startup.keep_the_rest in receivers(worker_ready)
    loaded_since = [[] for _ in range(1_000)]
    startup.keep_the_rest()
    assert gc.get_freeze_count() >= before + len(loaded_since)
