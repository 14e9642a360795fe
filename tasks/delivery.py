"""What a delivery task does in a worker: a thin shell around the delivery.

Its outcome becomes the task's result, or ``Ignore`` where the alert waits in the outbox, or a retry where a request
failed.
"""

import logging
import time
from typing import TYPE_CHECKING, Any, NoReturn

from celery.exceptions import Ignore, Reject
from kombu.utils.json import dumps

from notifier.errors import BrokerUnavailable, DeliveryFailed, InvalidMessage, QueueFull
from notifier.models import GIVEN_NAMES, NotificationMessage
from notifier.outbox.batch_result import BatchResult
from notifier.outbox.claim import ClaimRequest, Completed, NotFound
from notifier.outbox.disposition import Action
from notifier.outbox.excerpt import shortened
from notifier.outbox.preparation import prepare, prepare_given
from notifier.outbox.terms import REVOKED_HEADER, TERMS_HEADER, TRIGGER_HEADER, Terms, read_terms
from notifier.outcome import Status
from notifier.producer.callbacks import CALLBACKS_BYTES_MAX, callbacks_of_request, check_size, options_of
from notifier.render.cut import cut
from notifier.worker.step_log import log_step

from .arguments import fields_of_callback, message_of_callback
from .celery import pipeline

logger = logging.getLogger(__name__)

SHOWN_CHARACTERS = 3_000
"""Ours: how much of what cannot be sent its dead letter shows as text."""
GIVEN_BYTES_MAX = 8 * 2**20
"""Ours: how much it keeps, as JSON; an alert may be as long (MESSAGE_BYTES_MAX)."""
AWAY_SECONDS = 2
"""Ours: how soon a dispatch is repeated that came while Redis was away."""

if TYPE_CHECKING:
    from notifier.worker.delivery import Delivery

    from .notification_task import NotificationTask


def run_delivery(task: "NotificationTask", args: tuple[Any, ...], fields: dict[str, Any]) -> NoReturn:
    """Deliver a batch of this task's outbox.

    What becomes of its own notification is stored and announced with the batch, whichever task carries it. So it ends
    as ``Ignore``, for Celery must do neither.

    Raises:
        DeliveryFailed: its request failed and may succeed later: Celery retries the task.
        Ignore: in every other case.
    """
    callbacks = callbacks_of_request(task.request)
    # Celery would store RETRY over a record that the commit of another task has written meanwhile (a program that sends
    # this task by its name asks for a result in the message's header, which outweighs the task's own setting), and call
    # the callbacks of an alert that is not final
    task.request.update(delivering=True, ignore_result=True, callbacks=None, errbacks=None, chain=None, chord=None)
    try:
        delivery = _deliver(task, args, fields, callbacks)
    except BrokerUnavailable:
        _dispatch_again(task, args, fields, callbacks)
    shown = str(task.request.get("kwargsrepr") or "")
    pipeline.announcer.waits(str(task.request.id), task.alert_type, shown, delivery)
    if isinstance(delivery, BatchResult):
        _retry_own(task, delivery)
    raise Ignore


def _deliver(task: "NotificationTask", args: tuple[Any, ...], fields: dict[str, Any], callbacks: str) -> "Delivery":
    notification_id = str(task.request.id)
    request = ClaimRequest(task.alert_type, notification_id)
    delivery = pipeline.delivery_worker.deliver(request)
    if not isinstance(delivery, NotFound):
        return delivery
    if task.request.get(TRIGGER_HEADER):
        logger.warning(
            "alert %s was admitted, and Redis does not know it: its record has expired, or Redis has lost it",
            notification_id,
        )
        pipeline.delivery_worker.deliver(ClaimRequest(task.alert_type))  # others may wait for this very task
        return Completed()
    # sent by a program that only knows the task's name
    try:
        check_size(callbacks)
        terms = read_terms(
            pipeline.settings.expire_seconds, **(task.request.get(TERMS_HEADER) or {}), callbacks=callbacks
        )
        _admit(task, args, fields, terms)
        log_step("admitted", notification_id, task.alert_type)
    except (InvalidMessage, QueueFull) as error:
        _bury(task, fields, callbacks, error)
        return Completed()
    if task.request.get(REVOKED_HEADER):  # before it came
        pipeline.withdrawals.withdraw(notification_id)
    return pipeline.delivery_worker.deliver(request)


def _admit(task: "NotificationTask", args: tuple[Any, ...], fields: dict[str, Any], terms: Terms) -> None:
    """Admit what a program has sent that only knows the task's name.

    Raises:
        InvalidMessage: it cannot be sent. QueueFull: no room.
    """
    notification_id, parent_id = str(task.request.id), task.request.parent_id
    try:
        message = message_of_callback(task.alert_type, args, fields, notification_id, parent_id)
    except InvalidMessage:
        named = fields_of_callback(args, fields, parent_id)
        if named.keys() <= GIVEN_NAMES or not pipeline.heartbeat.newer_lives():
            raise
        masked = prepare_given(named, pipeline.settings)
        pipeline.outbox.admit_newer(notification_id, task.alert_type, masked, terms)
    else:
        pipeline.publisher.admit(prepare(message, pipeline.settings), terms)


def _dispatch_again(
    task: "NotificationTask", args: tuple[Any, ...], fields: dict[str, Any], callbacks: str
) -> NoReturn:
    """Redis is away. Where the broker is another server, the same dispatch comes back in a while, and not at once."""
    again: dict[str, Any] = {"task_id": str(task.request.id), "retries": task.request.retries, "kwargsrepr": ""}
    again |= {"parent_id": task.request.parent_id, **options_of(callbacks)}
    # without its terms, its countdown would be the alert's
    again["headers"] = {name: task.request.get(name) for name in (TERMS_HEADER, TRIGGER_HEADER)}
    with pipeline.publisher.dispatching(task.name) as producer:
        task.dispatch(args, fields, countdown=AWAY_SECONDS, ignore_result=True, producer=producer, **again)
        raise Ignore
    raise Reject("Redis is away", requeue=True)


def _bury(task: "NotificationTask", fields: dict[str, Any], callbacks: str, error: InvalidMessage | QueueFull) -> None:
    """Keep what cannot be sent as a dead letter, whole: it is replayed once it is mended, or there is room."""
    given = {"args": task.request.args, "kwargs": fields}
    if task.request.args:
        given["fields"] = fields_of_callback(task.request.args, fields, task.request.parent_id)
    given = prepare_given(given, pipeline.settings)
    fields = given.get("fields", given["kwargs"])
    kept, detail = dumps(given), prepare_given(cut(str(error), SHOWN_CHARACTERS), pipeline.settings)
    if (length := len(kept)) > GIVEN_BYTES_MAX:
        kept = dumps({"args": [], "kwargs": shortened(fields, GIVEN_BYTES_MAX)})
        detail += f"; of the {length} bytes that were given, the beginnings are kept"
    text = NotificationMessage(
        alert_type=task.alert_type,
        title=_storable_title(fields.get("title")) or f"Refused: {error.reason}",
        message=repr(fields)[:SHOWN_CHARACTERS],
    )
    message = text.model_copy(update={"id": str(task.request.id)})  # of whatever form the caller's id is
    status = Status.QUEUE_FULL if isinstance(error, QueueFull) else Status.REJECTED
    stored = callbacks if len(callbacks) <= CALLBACKS_BYTES_MAX else ""  # those are called now or never
    record = pipeline.records.bury(message, status, error.reason, detail, given=kept, callbacks=stored)
    if record is not None:
        log_step("dead", message.id, task.alert_type, logging.ERROR, status=status.value, reason=error.reason)
        now = time.monotonic()
        hanging = {message.id: callbacks} if callbacks else {}
        pipeline.announcer(BatchResult((), (record,), None, 0, hanging, untold=frozenset({message.id})), now, now)


def _storable_title(given: object) -> str:
    """A title as near as can be to what was given, which may be the very thing that is wrong; '' if there is none."""
    text = given.encode(errors="backslashreplace").decode().strip() if isinstance(given, str) else ""
    return cut(text, SHOWN_CHARACTERS)


def _retry_own(task: "NotificationTask", result: BatchResult) -> None:
    """Raise DeliveryFailed if the request of this task's own notification failed and is to be made again by it."""
    for disposition in result.dispositions:
        if disposition.item.message.id == str(task.request.id) and disposition.action is Action.RETRY_LATER:
            if task.request.retries >= pipeline.settings.retry_attempts:
                return  # its attempts are used up in an outage: wake-ups carry it from here
            task.request.update(retry_wait_seconds=result.retry_wait_seconds)
            raise DeliveryFailed(str(disposition.reason), result.retry_wait_seconds)
