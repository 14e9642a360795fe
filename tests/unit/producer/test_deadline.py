"""A call returns in time whatever it blocks on, and begins nothing once its caller has given up."""

import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from types import SimpleNamespace

import pytest

from notifier.producer import deadline as deadline_module
from notifier.producer.deadline import Deadline, DeadlineExceeded, run_with_deadline

SOON_SECONDS = 0.05


def test_what_a_call_returns_or_raises_is_its_callers() -> None:
    assert run_with_deadline(10, lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        run_with_deadline(10, lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_with_deadline(10, lambda: 1, before=lambda: 1 / 0)


def test_what_blocks_is_left_behind_and_nothing_begins_afterwards() -> None:
    release, begun, others = threading.Event(), threading.Event(), threading.enumerate()
    with pytest.raises(DeadlineExceeded) as exceeded:
        run_with_deadline(SOON_SECONDS, begun.set, before=release.wait)
    assert not exceeded.value.begun
    (left_behind,) = [each for each in threading.enumerate() if each.name == "notifier" and each not in others]
    release.set()
    left_behind.join()
    assert not begun.is_set()


class Blocking:
    """A call that blocks; the time is over once it has begun, however long that took."""

    def __init__(self) -> None:
        self.begun, self.release, self.now = threading.Event(), threading.Event(), 100.0

    def __call__(self) -> None:
        """Block."""
        self.begun.set()
        self.release.wait()

    def started(self, thread: threading.Thread) -> bool:
        """Instead of ``deadline.started``."""
        thread.start()
        self.begun.wait()
        self.now += 60
        return True


@pytest.fixture
def blocking(monkeypatch: pytest.MonkeyPatch) -> Iterator[Blocking]:
    """One."""
    blocking = Blocking()
    monkeypatch.setattr(deadline_module, "time", SimpleNamespace(monotonic=lambda: blocking.now))
    monkeypatch.setattr(deadline_module, "started", blocking.started)
    yield blocking
    blocking.release.set()


def test_a_call_that_has_begun_and_may_yet_succeed_is_told_apart(blocking: Blocking) -> None:
    with pytest.raises(DeadlineExceeded) as exceeded:
        run_with_deadline(10, blocking)
    assert exceeded.value.begun


def test_a_result_is_returned_though_what_follows_blocks(blocking: Blocking) -> None:
    assert run_with_deadline(10, lambda: 42, after=blocking) == 42


def test_what_follows_is_waited_for_while_there_is_time() -> None:
    done = threading.Event()
    run_with_deadline(10, lambda: 42, after=done.set)
    assert done.is_set()


def test_the_parts_of_a_deadline_begin_with_it_and_never_outlast_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(monotonic=lambda: now)
    monkeypatch.setattr(deadline_module, "time", clock)
    now = 100.0
    whole = Deadline.after(8)
    assert (whole.part(0.5).seconds, whole.part(0.5).part(0.5).seconds) == (4, 2)
    now = 103.0
    assert [each.remaining_seconds for each in (whole, whole.part(0.5), whole.part(0.25))] == [5, 1, 0]


def test_a_deadline_that_is_over_begins_nothing() -> None:
    release, begun = threading.Event(), threading.Event()
    with pytest.raises(DeadlineExceeded):
        Deadline.after(0).run(begun.set, before=release.wait)
    release.set()
    assert not begun.is_set()


@pytest.fixture(params=["no more threads", "the interpreter ends"])
def no_thread(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread can be started."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError(request.param)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    if request.param == "the interpreter ends":  # before Python 3.12 a thread is then started, and never runs
        monkeypatch.setattr(sys, "is_finalizing", lambda: True)
        monkeypatch.setattr(threading.Thread, "start", lambda _: pytest.fail("this would wait for ever"))


@pytest.mark.usefixtures("no_thread")
def test_where_no_thread_can_be_started_all_of_it_runs_in_this_one() -> None:
    steps: list[str] = []
    before, after = (lambda: steps.append("before")), (lambda: steps.append("after"))
    assert run_with_deadline(10, lambda: steps.append("act") or 42, before=before, after=after) == 42
    assert steps == ["before", "act", "after"]
    with pytest.raises(ZeroDivisionError):
        run_with_deadline(10, lambda: 1 / 0)


@pytest.mark.usefixtures("no_thread")
def test_where_no_thread_can_be_started_nothing_begins_once_the_time_is_over() -> None:
    with pytest.raises(DeadlineExceeded) as exceeded:
        run_with_deadline(-1, lambda: pytest.fail("it has begun"))
    assert not exceeded.value.begun


def test_each_step_sees_the_context_variables_of_its_caller() -> None:
    tenant: ContextVar[str] = ContextVar("tenant")
    tenant.set("acme")
    seen: list[str] = []

    def see() -> None:
        seen.append(tenant.get("nobody"))

    run_with_deadline(10, see, before=see, after=see)
    assert seen == ["acme"] * 3


def test_what_a_call_sets_of_its_callers_context_stays_set() -> None:
    seen: ContextVar[str] = ContextVar("seen")
    kept: ContextVar[str] = ContextVar("kept")
    kept.set("the caller's")
    run_with_deadline(10, lambda: seen.set(f"within {kept.get()}"))
    assert (seen.get(), kept.get()) == ("within the caller's", "the caller's")


def test_what_a_call_sets_before_it_fails_stays_set_too() -> None:
    seen: ContextVar[str] = ContextVar("seen")
    with pytest.raises(ZeroDivisionError):
        run_with_deadline(10, lambda: 1 / 0, before=lambda: seen.set("before"))
    assert seen.get() == "before"


def test_what_is_set_here_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    here: ContextVar[str] = ContextVar("here")
    here.set("before")
    original = threading.Thread.join

    def interrupted(thread: threading.Thread, timeout: float | None = None) -> None:
        original(thread, timeout)
        here.set("by a signal handler")

    monkeypatch.setattr(threading.Thread, "join", interrupted)
    run_with_deadline(10, lambda: 1)
    assert here.get() == "by a signal handler"


def test_a_call_that_is_left_behind_sets_nothing_here() -> None:
    late: ContextVar[str] = ContextVar("late")
    release = threading.Event()

    def act() -> None:
        late.set("left behind")
        release.wait()

    with pytest.raises(DeadlineExceeded):
        run_with_deadline(SOON_SECONDS, act)
    assert late.get("nothing") == "nothing"
    release.set()
