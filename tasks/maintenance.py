"""What keeps the outboxes moving when a knock was lost: a sweep every few seconds, in every worker."""

import logging
import threading
from typing import Any

from celery import bootsteps

from notifier.errors import NotifierError
from notifier.routing import ROUTES
from tasks.celery import app, pipeline
from tasks.recorder import Recorder

logger = logging.getLogger(__name__)


@app.task(name="notifier.sweep", ignore_result=True)
def sweep() -> None:
    """Wake outboxes that wait for nobody, store results, tell of floods and troubles, flush the spool."""
    for alert_type, route in ROUTES.items():
        served = route.queue in app.amqp.queues.consume_from
        if served:
            pipeline.flood.tell(alert_type)
        pipeline.publisher.wake_up(pipeline.outbox.sweep(alert_type, served=served))
    Recorder(app, pipeline.outbox, pipeline.history)(pipeline.outbox.unrecorded())
    pipeline.watchman.tell()
    pipeline.alerter.flush()


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
            try:
                sweep()
            except NotifierError as error:
                logger.warning("sweep: %s", error)
            except Exception:
                # the sweeper outlives whatever a broker's library raises: alerts depend on it
                logger.exception("sweep failed")
            if self._stopping.wait(pipeline.settings.sweep_seconds):
                return


app.steps["worker"].add(Sweeper)
