"""The events of alerts, as Celery sends those of tasks and Flower shows them: each alert by its own, once."""

import os
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import Celery
from celery.events.event import get_exchange
from celery.utils.time import utcoffset

from notifier.counting import counted
from notifier.models import AlertType
from notifier.outbox.batch_result import BatchResult
from notifier.outbox.disposition import Action, Disposition
from notifier.outbox.record import Record, not_delivered, state_of
from notifier.outcome import State, Status
from notifier.producer.publisher import Publisher, shown, shown_title
from notifier.routing import ROUTES
from notifier.texts import json_of

Event = tuple[str, dict[str, Any]]
"""Its type and its fields."""
TOLD_CHARACTERS = 500
"""Ours: how much Flower shows of why something failed."""
AGAIN = frozenset({Action.RETRY_LATER, Action.ATTEMPTS_EXHAUSTED, Action.FAILOVER})
"""What becomes of an alert after a failure, unless it has its record."""


class EventSender:
    """Sends them in the name of this worker. ``hostname``: its name."""

    def __init__(self, app: Celery, publisher: Publisher) -> None:
        self.hostname: str | None = None
        self._app = app
        self._publisher = publisher

    @property
    def listened_to(self) -> bool:
        """Whether this is a worker that sends events of tasks: what has no name would be a worker of its own there."""
        return bool(self.hostname and self._app.conf.worker_send_task_events)

    def send(self, events: Sequence[Event]) -> None:
        """Send them in one message. A broker that does not take it is logged: no alert depends on its events."""
        if not events:
            return
        # what Celery's dispatcher does, which is made anew for each batch: that takes several times as long
        app: Any = self._app  # celery-types knows no clock
        own = {"hostname": self.hostname, "utcoffset": utcoffset(), "pid": os.getpid()}
        told = [
            {"timestamp": time.time(), **fields, **own, "type": kind, "clock": app.clock.forward()}
            for kind, fields in events
        ]
        with self._publisher.producing(f"Not sent: {counted(len(events), 'event')} of alerts (%s)") as producer:
            exchange = get_exchange(producer.connection, name=self._app.conf.event_exchange)
            producer.publish(
                json_of(told),
                routing_key="task.multi",
                exchange=exchange.name,
                declare=[exchange],
                content_type="application/json",
                content_encoding="utf-8",
                headers={"hostname": self.hostname},
                delivery_mode=1,
            )


def events_of(result: BatchResult, seconds: float) -> Iterator[Event]:
    """Those of a batch. ``seconds``: how long it took, with its request."""
    now, final = time.time(), {record["id"] for record in result.records}
    for record in result.records:
        of_it = _of_record(record)
        if record["id"] in result.untold:
            yield "task-received", of_it | {"timestamp": now - seconds}
        yield "task-started", of_it | {"timestamp": now - seconds}
        yield end_of(record, now, seconds)
    due = in_seconds(result.wake_up.wait_seconds if result.wake_up else 0)
    for each in result.dispositions:
        message = each.item.message
        if message.id in final:
            continue
        of_it = _of(message.id, message.alert_type, shown(message))
        if message.id in result.untold:
            # with an ETA, or Flower counts it as prefetched by this worker, whichever one carries it in the end
            yield "task-received", of_it | {"timestamp": now - seconds, "eta": due, "result": waits_for(each.reason)}
        if each.action in AGAIN:
            told = {"exception": _why(each), "traceback": "", "result": waits_for(f"to be tried again: {each.reason}")}
            yield "task-retried", of_it | told | {"timestamp": now}


def end_of(record: Record, now: float, seconds: float = 0) -> Event:
    """The event of its end, as it is the record: that of a success holds how long it took."""
    of_it = _of_record(record) | {"timestamp": now}
    match state_of(record):
        case State.SUCCESS:
            # what an earlier attempt failed for is over
            return "task-succeeded", of_it | {"result": _delivered(record), "runtime": seconds, "exception": None}
        case State.REVOKED:
            told = {"terminated": False, "signum": None, "expired": False}
            return "task-revoked", of_it | told | {"result": _in_short(record)}
        case _:
            why = repr(not_delivered(record))
            in_short = f"{record['status']}: {str(record['reason']).replace('_', ' ')}"
            return "task-failed", of_it | {"exception": why[:TOLD_CHARACTERS], "traceback": "", "result": in_short}


def received(notification_id: str, alert_type: AlertType, shown_arguments: str, reason: str, due: str) -> Event:
    """That of an alert that waits. ``due``: when it may go (ISO 8601), as far as that is known."""
    told = {"eta": due, "result": waits_for(reason)}
    return "task-received", _of(notification_id, alert_type, shown_arguments) | told


def waits_for(reason: str | None) -> str:
    """What Flower shows as the result of an alert that waits."""
    return f"waits: {reason.replace('_', ' ')}" if reason else "waits"


def in_seconds(seconds: float) -> str:
    """That time from now (ISO 8601)."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="seconds")


def _of_record(record: Record) -> dict[str, Any]:
    title = str(record["message"].get("title", ""))
    of_it = _of(record["id"], AlertType(record["alert_type"]), shown_title(title))
    return of_it | {"retries": max(0, record["attempts"] - 1)}


def _of(notification_id: str, alert_type: AlertType, shown_arguments: str) -> dict[str, Any]:
    # in each event: one that came late, or a Flower that has seen no other, has the title all the same
    return {"uuid": notification_id, "name": ROUTES[alert_type].task, "args": "", "kwargs": shown_arguments}


def _delivered(record: Record) -> str:
    if record["status"] != Status.DELIVERED:
        return _in_short(record)
    said = [f"{record['status']} {record['message_id']}"]
    if record["attempts"] > 1:
        said.append(f"attempt {record['attempts']}")
    if left_out := record.get("left_out"):
        said.append(f"without {', '.join(left_out)}")
    return "; ".join(said)[:TOLD_CHARACTERS]


def _in_short(record: Record) -> str:
    return ": ".join(filter(None, [record["status"], record["detail"]]))[:TOLD_CHARACTERS]


def _why(disposition: Disposition) -> str:
    detail = f" ({disposition.detail})" if disposition.detail else ""
    return f"{disposition.reason}{detail}"[:TOLD_CHARACTERS]
