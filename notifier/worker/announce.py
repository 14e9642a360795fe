"""Announces what became final to whoever watches the workers: the events that Flower draws."""

import logging
from collections.abc import Sequence

from celery import Celery
from kombu.exceptions import OperationalError

from notifier.outbox.record import Record

logger = logging.getLogger(__name__)


class Announcer:
    """Sends Celery's events for records. They are stored by then, so an event that is lost loses no alert."""

    def __init__(self, app: Celery) -> None:
        self._app = app

    def __call__(self, records: Sequence[Record]) -> None:
        """Send the event of each record."""
        if not records:
            return
        try:
            with self._app.events.default_dispatcher() as dispatcher:
                for record in records:
                    if record["success"]:
                        dispatcher.send("task-succeeded", uuid=record["id"], result=_shown(record), runtime=0)
                    else:
                        dispatcher.send("task-failed", uuid=record["id"], exception=_shown(record), traceback="")
        except (OperationalError, OSError) as error:
            logger.warning("no events were sent for %d alerts (%s)", len(records), type(error).__name__)


def _shown(record: Record) -> str:
    return f"{record['status']} {record['reason'] or record['message_id'] or ''}".strip()
