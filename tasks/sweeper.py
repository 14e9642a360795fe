"""The sweep as a task, and the worker's thread that runs it every few seconds."""

import threading
import time
from contextlib import suppress
from typing import Any

from celery import bootsteps

from notifier.errors import BrokerUnavailable
from notifier.gate.machines import this_machine
from notifier.models import AlertType
from notifier.outbox.fleet import holdings
from notifier.outbox.overlooked import LOOK_SECONDS
from notifier.routing import Partition

from .celery import app, pipeline, served_types
from .pulse import motion


@app.task(name="notifier.sweep", ignore_result=True, send_events=False, shared=False, lazy=False)
def sweep() -> None:
    """Look for what no delivery task will come for (notifier.worker.sweep)."""
    pipeline.sweep(served_types())


class Sweeper(bootsteps.StartStopStep):
    """Sweeps at the worker's start and then periodically. Any number of workers may do so at once."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self, parent: Any) -> None:
        """Tell the fleet what this worker holds: one that is ready is known. Then begin to sweep."""
        self._announce()
        self._thread.start()

    def stop(self, parent: Any) -> None:
        """Stop sweeping, and wait for the step under way: each has its timeouts."""
        self._stopping.set()
        self._thread.join()

    def _announce(self) -> None:
        with suppress(BrokerUnavailable):  # what is to be swept is there, and it says so
            pipeline.heartbeat.announce(self._holdings)

    def _holdings(self) -> dict[Partition, str]:
        # one that stops ends what it has taken, and takes no more
        served = [] if self._stopping.is_set() else served_types()
        found: dict[Partition, str] = {}
        for kind in AlertType:
            most, webhooks = len(pipeline.outbox.partitions.of(kind)), pipeline.settings.webhooks_of(kind)
            held = holdings(kind, pipeline.hostname or "", webhooks, most, this_machine())
            found |= held if kind in served else dict.fromkeys(held, "")
        return found

    def terminate(self, parent: Any) -> None:
        """Stop sweeping, without waiting."""
        self._stopping.set()

    def _is_stopping(self) -> bool:
        motion.note("sweeper")  # it is asked before each step
        return self._stopping.is_set()

    def _run(self) -> None:
        while True:
            pipeline.sweep(served_types(), self._is_stopping)
            if self._look_until(time.monotonic() + pipeline.settings.sweep_seconds):
                return
            self._announce()

    def _look_until(self, next_sweep: float) -> bool:
        """Look for lost triggers, and requests that hang, until a sweep is due (monotonic clock); whether it ends."""
        while (left := next_sweep - time.monotonic()) > 0:
            if self._stopping.wait(min(left, LOOK_SECONDS)):
                return True
            pipeline.sweep.look(served_types())
            pipeline.delivery_worker.tell_hanging()
        return self._is_stopping()


app.steps["worker"].add(Sweeper)
