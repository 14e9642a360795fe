"""How a worker takes the message of a delivery task. Only a worker imports this."""

from typing import Any

from celery.worker.request import Request

OWN_EVENTS = frozenset({"task-started", "task-succeeded", "task-failed", "task-retried"})
"""Sent for an alert with the batch that carries it (notifier.worker.announce), whichever task does."""


class DeliveryRequest(Request):
    """A delivery task that has arrived."""

    def send_event(self, type: str, **fields: Any) -> None:
        """As Celery does, but for the events that are its alert's own."""
        if type not in OWN_EVENTS:
            super().send_event(type, **fields)
