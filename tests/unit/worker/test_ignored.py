"""A task that raises ``Ignore`` leaves no copies of Celery's frames behind, and ends as before."""

import gc
import pickle
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from celery.app import trace
from celery.exceptions import Ignore

from notifier.worker.ignored import keep_no_frames


@pytest.fixture(autouse=True)
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a worker, for one test."""
    monkeypatch.setattr(trace, "ExceptionInfo", vars(trace)["ExceptionInfo"])
    keep_no_frames()


@pytest.fixture
def no_collection() -> Iterator[None]:
    """What is garbage stays until the test collects it."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def traced(kind: type[Exception], raised: "list[weakref.ref[Exception]] | None" = None) -> Any:
    """Runs a task that raises it, as a worker does. ``raised``: is told of what it raised."""
    app = Celery("apart", broker="memory://", backend="cache+memory://", set_as_current=False)

    @app.task(name="ends", shared=False, lazy=False)
    def ends() -> None:
        error = kind("wrong")
        if raised is not None:
            raised.append(weakref.ref(error))
        raise error

    task = app.tasks["ends"]
    return lambda: vars(trace)["build_tracer"](task.name, task, app=app)("an id", (), {}, {"id": "an id"})


def test_nothing_of_it_is_left_to_the_collector(no_collection: None) -> None:
    raised: list[weakref.ref[Exception]] = []
    traced(Ignore, raised)()
    assert [error() for error in raised] == [None], "no ring of a frame and its exception"


def test_it_ends_as_ignored_and_can_be_told_to_the_process_of_the_pool() -> None:
    einfo, told, _, _ = traced(Ignore)()
    assert (told.state, einfo.tb, einfo.traceback) == ("IGNORED", None, "")
    assert type(pickle.loads(pickle.dumps(einfo)).exception) is Ignore  # noqa: S301 - its own


def test_any_other_end_has_its_traceback() -> None:
    einfo, told, _, _ = traced(ValueError)()
    assert (told.state, type(told.retval)) == ("FAILURE", ValueError)
    assert "ValueError: wrong" in einfo.traceback
    assert "in ends" in einfo.traceback
