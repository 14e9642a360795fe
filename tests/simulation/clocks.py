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

from notifier.models import AlertType
from notifier.outbox import heartbeat as heartbeat_module
from notifier.outbox import outbox as outbox_module
from notifier.outbox.recent_steps import Step
from notifier.storage import scripts as scripts_module
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

    def start(self) -> None:
        """Begin it."""
        if self._name != "heartbeat":  # the worker beats by itself
            self._scheduler.spawn(self._scheduler.here(), self._act)


@contextmanager
def simulated(scheduler: Scheduler, seed: int) -> Iterator[None]:
    """Clocks, threads, tokens and chance are those of the simulation."""
    tokens = random.Random(f"tokens of {seed}")
    random.seed(f"backoff of {seed}")
    threads = SimpleNamespace(Thread=partial(SimulatedThread, scheduler), Lock=nullcontext, Event=mock.Mock)

    def monotonic() -> float:
        return scheduler.now / SECOND

    def token() -> uuid.UUID:
        return uuid.UUID(int=tokens.getrandbits(128), version=4)

    def step(alert_type: AlertType, keys: Sequence[str], args: Sequence[str], wake_up: str = "") -> Step:
        return Step(alert_type, keys, args, wake_up, monotonic())

    with ExitStack() as stack:
        for owner, name, own in (
            (time, "monotonic", monotonic),
            (uuid, "uuid4", token),
            (heartbeat_module, "threading", threads),
            (outbox_module, "Step", step),
            (scripts_module, "_text_of", _text_of),
        ):
            stack.enter_context(mock.patch.object(owner, name, own))
        yield
