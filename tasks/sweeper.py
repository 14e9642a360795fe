"""What keeps the outboxes moving when a dispatch was lost: a sweep every few seconds, in every worker."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from celery import bootsteps

from notifier.errors import NotifierError
from notifier.models import AlertType
from notifier.routing import ROUTES
from notifier.worker.announce import Recorder
from tasks.celery import app, pipeline

logger = logging.getLogger(__name__)

PAGES_AT_ONCE = 20
"""Ours: of a hundred results; a flood's are stored over several sweeps."""


@app.task(name="notifier.sweep", ignore_result=True)
def sweep() -> None:
    """Wake outboxes that wait for nobody, store results, tell of floods and troubles, flush the spool."""
    for alert_type, route in ROUTES.items():
        served = route.queue in app.amqp.queues.consume_from
        _survived(partial(_sweep_one, alert_type, served))
    for step in (_record, pipeline.self_monitor.tell, pipeline.client.flush):
        _survived(step)


def _sweep_one(alert_type: AlertType, served: bool) -> None:
    if served:
        pipeline.flood.tell(alert_type)
    pipeline.publisher.wake_up(pipeline.outbox.sweep(alert_type, served=served))


def _record() -> None:
    recorder = Recorder(app, pipeline.outbox, pipeline.history)
    for _ in range(PAGES_AT_ONCE):
        if not (records := pipeline.outbox.unrecorded()):
            return
        recorder(records)


def _survived(step: Callable[[], object]) -> None:
    """The sweeper outlives whatever happens in one of its steps, and so do the other steps: alerts depend on it."""
    try:
        step()
    except NotifierError as error:
        logger.warning("sweep: %s", error)
    except Exception:
        logger.exception("sweep failed")


class Sweeper(bootsteps.StartStopStep):
    """Sweeps at the worker's start and then periodically. Any number of workers may do so at once."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **kwargs: Any) -> None:
        super().__init__(worker, **kwargs)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)

    def start(self, parent: Any) -> None:
        """Begin to sweep."""
        self._thread.start()

    def stop(self, parent: Any) -> None:
        """Stop sweeping; a sweep under way ends first."""
        self._stopping.set()

    def terminate(self, parent: Any) -> None:
        """As ``stop``."""
        self.stop(parent)

    def _run(self) -> None:
        while True:
            sweep()
            if self._stopping.wait(pipeline.settings.sweep_seconds):
                return


app.steps["worker"].add(Sweeper)
