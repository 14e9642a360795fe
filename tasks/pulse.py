"""The thread and the steps of a worker that say that it moves (notifier.pulse)."""

import logging
import os
import threading
from typing import Any

from celery import bootsteps
from celery.signals import worker_shutdown

from notifier.pulse import PULSE_SECONDS, Pulse, PulseFile, pulse_folder
from notifier.worker.motion import Motion
from notifier.worker.service_manager import ServiceManager

from .celery import app, pipeline, served_types
from .patience import Patience

logger = logging.getLogger(__name__)

TICK_SECONDS = 1.0
"""Ours: how often the main loop notes that it goes round."""
motion = Motion()
"""Of this worker."""


class Written:
    """The file of this process. What keeps it from being written is logged once; the worker runs."""

    def __init__(self, worker: str) -> None:
        self._file: PulseFile | None = None
        self._is_well = True
        try:
            self._file = PulseFile(pulse_folder(pipeline.settings.run_dir), worker)
        except OSError as error:
            logger.warning("`notifier live` cannot see this worker: %s. Set NOTIFIER_RUN_DIR", error)

    def write(self, pulse: Pulse) -> None:
        """Replace it."""
        try:
            if self._file is not None:
                self._file.write(pulse)
            self._is_well = True
        except OSError as error:
            if self._is_well:
                logger.warning("`notifier live` does not see this worker: %s", error)
            self._is_well = False

    def remove(self) -> None:
        """The worker ends."""
        if self._file is not None:
            self._file.remove()


class Beat(bootsteps.StartStopStep):
    """Writes the file of this worker, and ends one that starts in vain."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._worker = worker
        self._ends, self._stops = threading.Event(), False
        self._manager = ServiceManager()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)

    def start(self, parent: Any) -> None:
        """Begin to write it."""
        worker_shutdown.connect(self._end, weak=False)
        self._thread.start()

    def stop(self, parent: Any) -> None:
        """A worker that ends what it has begun is alive, and ready for nothing."""
        self._stops = True
        self._manager.stopping()

    terminate = stop

    def _end(self, **_: Any) -> None:
        self._ends.set()
        self._thread.join(PULSE_SECONDS)

    def _run(self) -> None:
        name = pipeline.hostname or ""
        file, patience = Written(name), Patience(pipeline.settings.start_seconds)
        while True:
            unready = self._unready()
            pulse = Pulse(name, os.getpid(), tuple(served_types()), "" if self._stops else motion.stuck, unready)
            file.write(pulse)
            self._manager.tell(pulse)
            if not self._stops:
                patience(unready)
            if self._ends.wait(PULSE_SECONDS):
                break
        file.remove()

    def _unready(self) -> str:
        """Why it delivers nothing now, in words; '' if it is ready."""
        if self._stops:
            return "it is stopping"
        if not served_types():
            return "it consumes none of the queues of alerts"
        if not getattr(self._worker.consumer, "consumes", False):
            return "it is not connected to the broker"
        return "" if pipeline.heartbeat.known else "Redis does not take its heartbeat"


class Tick(bootsteps.StartStopStep):
    """Notes that the main loop goes round, and when it consumes: begins anew with each connection."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Any) -> None:
        """Its consumer is connected, and consumes from here on."""
        parent.consumes = True
        self._entry = parent.timer.call_repeatedly(TICK_SECONDS, motion.note, ("main loop",))

    def stop(self, parent: Any) -> None:
        """The connection is lost, or the worker ends."""
        if getattr(parent, "consumes", False):
            parent.consumes = False
            self._entry.cancel()


app.steps["worker"].add(Beat)
app.steps["consumer"].add(Tick)
