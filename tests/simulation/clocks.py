"""Clocks, threads, tokens and chance of the program, as they are in a simulation."""

import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from functools import lru_cache, partial
from types import SimpleNamespace
from typing import Any
from unittest import mock
from weakref import WeakKeyDictionary

from greenlet import getcurrent

from notifier.models import AlertType
from notifier.outbox import heartbeat as heartbeat_module
from notifier.outbox import outbox as outbox_module
from notifier.outbox.recent_steps import Step
from notifier.producer import client as client_module
from notifier.producer import deadline as deadline_module
from notifier.producer import flusher as flusher_module
from notifier.producer import spool as spool_module
from notifier.storage import scripts as scripts_module
from tests.simulation import version_0_2
from tests.simulation.network import EPOCH
from tests.simulation.scheduler import SECOND, Scheduler

_text_of = lru_cache(maxsize=None)(scripts_module._text_of)
"""Each run makes all scripts anew."""


class SimulatedThread:
    """An activity of the process in which it is started."""

    def __init__(
        self,
        scheduler: Scheduler,
        target: Callable[..., object],
        args: tuple[Any, ...] = (),
        name: str = "",
        daemon: bool = False,
    ) -> None:
        self._scheduler = scheduler
        self._act = partial(target, *args)
        self._name = name
        self._ended = False

    def start(self) -> None:
        """Begin it."""
        if self._name != "heartbeat":  # the worker beats by itself
            self._scheduler.spawn(self._scheduler.here(), self._run)

    def _run(self) -> None:
        try:
            self._act()
        finally:
            self._ended = True

    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return not self._ended

    def join(self, seconds: float) -> None:
        """Wait for its end, for so long at most."""
        self._scheduler.wait(lambda: self._ended, seconds)


class SimulatedEvent:
    """Is waited for in simulated time."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._is_set = False

    def set(self) -> None:
        """Let go of who waits."""
        self._is_set = True

    def wait(self, seconds: float) -> bool:
        """Whether it is set within so long."""
        return self._scheduler.wait(lambda: self._is_set, seconds)


class SimulatedLocal:
    """Each activity has its own attributes."""

    def __init__(self) -> None:
        self.__dict__["own"] = WeakKeyDictionary()

    def __getattr__(self, name: str) -> Any:
        try:
            return self.own.get(getcurrent(), {})[name]
        except KeyError:
            raise AttributeError(name) from None

    def __setattr__(self, name: str, value: object) -> None:
        self.own.setdefault(getcurrent(), {})[name] = value


class Here(SimulatedLocal):
    """Stands for ``Here`` of the client."""

    def __getattr__(self, name: str) -> Any:
        return self.own.get(getcurrent(), {}).get(name, False)


@contextmanager
def simulated(scheduler: Scheduler, seed: int) -> Iterator[None]:
    """Clocks, threads, tokens and chance are those of the simulation."""
    tokens = random.Random(f"tokens of {seed}")
    random.seed(f"backoff of {seed}")
    threads = SimpleNamespace(
        Thread=partial(SimulatedThread, scheduler),
        Event=partial(SimulatedEvent, scheduler),
        Lock=nullcontext,
        local=SimulatedLocal,
    )

    def monotonic() -> float:
        return scheduler.now / SECOND

    def wall_clock() -> float:
        return EPOCH / SECOND + monotonic() + scheduler.here().clock_ahead / SECOND

    def token() -> uuid.UUID:
        return uuid.UUID(int=tokens.getrandbits(128), version=4)

    def step(alert_type: AlertType, keys: Sequence[str], args: Sequence[str], wake_up: str = "") -> Step:
        return Step(alert_type, keys, args, wake_up, monotonic())

    with ExitStack() as stack:
        for owner, name, own in (
            (time, "monotonic", monotonic),
            (uuid, "uuid4", token),
            (heartbeat_module, "threading", threads),
            (version_0_2.heartbeat_module, "threading", threads),
            (deadline_module, "threading", threads),
            (flusher_module, "threading", threads),
            (client_module, "Here", Here),
            (flusher_module, "time", SimpleNamespace(sleep=scheduler.pause)),
            (spool_module, "time", SimpleNamespace(time=wall_clock)),
            (outbox_module, "Step", step),
            (scripts_module, "_text_of", _text_of),
        ):
            stack.enter_context(mock.patch.object(owner, name, own))
        yield
