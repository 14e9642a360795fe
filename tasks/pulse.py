"""The thread and the steps of a worker that say that it moves (notifier.pulse)."""

import logging
import os
import threading
from typing import Any

from celery import bootsteps
from celery.signals import worker_shutdown

from notifier.pulse import PULSE_SECONDS, Pulse, PulseFile, pulse_folder
from notifier.worker.motion import Motion

from .celery import app, pipeline, served_types

logger = logging.getLogger(__name__)

TICK_SECONDS = 1.0
"""Ours: how often the main loop notes that it goes round."""
motion = Motion()
"""Of this worker."""


class Beat(bootsteps.StartStopStep):
    """Writes the file of this worker. What cannot be written is logged once; the worker runs."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._worker = worker
        self._ends, self._stops = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self, parent: Any) -> None:
        """Begin to write it."""
        worker_shutdown.connect(self._end, weak=False)
        self._thread.start()

    def stop(self, parent: Any) -> None:
        """A worker that ends what it has begun is alive, and ready for nothing."""
        self._stops = True

    terminate = stop

    def _end(self, **_: Any) -> None:
        self._ends.set()
        self._thread.join(TICK_SECONDS)

    def _run(self) -> None:
        name = pipeline.hostname or ""
        try:
            file = PulseFile(pulse_folder(pipeline.settings.run_dir), name)
        except OSError as error:
            logger.warning("`notifier live` cannot see this worker: %s. Set NOTIFIER_RUN_DIR", error)
            return None
        well = True
        while True:
            try:
                file.write(self._pulse(name))
                well = True
            except OSError as error:
                if well:
                    logger.warning("`notifier live` does not see this worker: %s", error)
                well = False
            if self._ends.wait(PULSE_SECONDS):
                return file.remove()

    def _pulse(self, name: str) -> Pulse:
        stuck = "" if self._stops else motion.stuck
        return Pulse(name, os.getpid(), tuple(served_types()), stuck, self._unready())

    def _unready(self) -> str:
        """Why it delivers nothing now."""
        consumer = self._worker.consumer
        if self._stops:
            return "it is stopping"
        if not served_types():
            return "it consumes none of the queues of alerts"
        if not getattr(consumer, "consumes", False):
            return "it is not connected to the broker"
        if not pipeline.heartbeat.known:
            return "Redis does not take its heartbeat"
        return ""


class Tick(bootsteps.StartStopStep):
    """Notes that the main loop goes round, and when it consumes: begins anew with each connection."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Any) -> None:
        """Its consumer is connected, and consumes from here on."""
        parent.consumes = True
        self._entry = parent.timer.call_repeatedly(TICK_SECONDS, motion.note, ("main loop",))

    def stop(self, parent: Any) -> None:
        """The connection is lost, or the worker ends."""
        parent.consumes = False
        self._entry.cancel()


app.steps["worker"].add(Beat)
app.steps["consumer"].add(Tick)
