"""What a test stores where a worker would: results in Celery's own form."""

import json
from datetime import datetime
from typing import Any

import redis

from notifier.models import NotificationMessage
from notifier.outbox.record import Record, record
from notifier.outcome import Status
from tests.names import names

UUID_CHARACTERS = 36
DONE = "2026-01-01T00:00:00.000001+00:00"


def ended(notification_id: str, status: Status = Status.DELIVERED, reason: str | None = None) -> Record:
    """The record of an alert that ended in this way."""
    message = NotificationMessage(id=notification_id, title=notification_id, timestamp=datetime.fromisoformat(DONE))
    return record(message, status, admitted_at=DONE, finished_at=DONE, attempts=1, reason=reason)


def store(client: "redis.Redis", task_id: str, result: Any, state: str = "SUCCESS", *, publish: bool = True) -> None:
    """Store and publish a result."""
    meta = {"status": state, "result": result, "traceback": None, "children": [], "date_done": DONE, "task_id": task_id}
    steps = client.pipeline()
    steps.set(names.result(task_id), json.dumps(meta), ex=600)
    if publish:
        steps.publish(names.result(task_id), json.dumps(meta))
    steps.execute()


def store_dead(client: "redis.Redis", task_id: str) -> None:
    """Store what a dead letter leaves."""
    record = ended(task_id, Status.REJECTED, "invalid_payload")
    text = "rejected: invalid_payload"
    failure = {"exc_type": "NotDelivered", "exc_message": [text, record], "exc_module": "notifier.errors"}
    store(client, task_id, failure, "FAILURE")


def waited_for(client: "redis.Redis") -> int:
    """How many results with an id that a test chose are waited for, in all processes.

    Other tests leave subscriptions of Celery's own results until those are collected; their ids are UUIDs.
    """
    prefix = len(names.result(""))
    return sum(len(each) - prefix < UUID_CHARACTERS for each in client.pubsub_channels(names.result("*")))
