"""Tells the world that a notification's story has ended: its result, and the event that Flower draws."""

import logging
from collections.abc import Sequence

from celery import Celery
from kombu.exceptions import OperationalError

from notifier.operations.history import NotificationHistory
from notifier.outbox.outbox import Outbox
from notifier.outbox.record import Record

logger = logging.getLogger(__name__)


class Recorder:
    """Stores what became final; what it could not store, the sweeper finds and stores."""

    def __init__(self, app: Celery, outbox: Outbox, history: NotificationHistory) -> None:
        self._app = app
        self._outbox = outbox
        self._history = history

    def __call__(self, records: Sequence[Record]) -> None:
        """Store each record under its notification's id and send its event."""
        if not records:
            return
        self._history.store(records)
        self._outbox.recorded([record["id"] for record in records])
        try:
            self._announce(records)
        except (OperationalError, OSError) as error:
            logger.warning("Flower was not told of %d alerts (%s)", len(records), type(error).__name__)

    def _announce(self, records: Sequence[Record]) -> None:
        with self._app.events.default_dispatcher() as dispatcher:
            for record in records:
                if record["success"]:
                    dispatcher.send("task-succeeded", uuid=record["id"], result=_shown(record), runtime=0)
                else:
                    dispatcher.send("task-failed", uuid=record["id"], exception=_shown(record), traceback="")


def _shown(record: Record) -> str:
    return f"{record['status']} {record['reason'] or record['message_id'] or ''}".strip()
