"""The Celery task of one alert type: how it raises an alert, and what Celery's other ways of calling it do."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from celery import Task
from celery._state import get_current_worker_task
from celery.canvas import Signature, chunks, maybe_signature, xmap, xstarmap
from celery.exceptions import QueueNotFound
from celery.result import AsyncResult, EagerResult
from kombu.utils.functional import maybe_list

from notifier.errors import InvalidMessage
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.preparation import prepare, prepare_given
from notifier.outbox.terms import TRIGGER_HEADER, read_terms
from notifier.producer.callbacks import take_callbacks
from notifier.producer.captures import capture_of, run_here
from notifier.producer.forks import forks_wait
from notifier.producer.publisher import shown
from notifier.raised import Raised
from notifier.routing import ROUTES
from notifier.status import Status

from .arguments import message_of, message_of_callback, partial_fields
from .celery import app, pipeline
from .signature import AlertSignature, warn_of_another_broker

if TYPE_CHECKING:
    CeleryTask = Task[Any, Any]
else:
    CeleryTask = Task  # cannot be subscripted at run time

APPLIED_BY_CELERY = {"parent_id", "root_id", "reply_to"}
"""Options that Celery gives where it applies a signature: a callback, or a step of a chain, group or chord."""

OF_THE_ALERT = APPLIED_BY_CELERY | {"root_id", "group_id", "group_index", "add_to_parent"}
"""Options that say nothing of a message. With any other one, the delivery task is sent even if none is needed."""
TRIGGER_CHARACTERS = 300
"""Ours: what Flower shows of a trigger, at most."""


class NotificationTask(CeleryTask):
    """A delivery task; its id is that of its notification."""

    alert_type: AlertType
    # their names: a caller need not import the worker's parts
    Request = f"{__package__}.request:DeliveryRequest"
    Strategy = "notifier.worker.consumer:begin_first"

    def __call__(self, /, *args: Any, **fields: Any) -> Any:
        """Raise the alert, as ``delay``, and return its id; in a worker, deliver."""
        return self.run(*args, **fields)  # Celery's own takes no keyword "self"

    def delay(self, /, *args: Any, **fields: Any) -> "AsyncResult[Any]":
        """Raise an alert of this task's type: a ``NotificationMessage``, or its fields.

        Raises:
            InvalidMessage: names the field. QueueFull: no room. BrokerUnavailable: Redis did not take it.
        """
        with forks_wait():
            return submit(message_of(self.alert_type, args, fields))

    @forks_wait()
    def apply_async(  # type: ignore[override]
        self,
        args: Sequence[Any] | None = None,
        kwargs: dict[str, Any] | None = None,
        task_id: str | None = None,
        **options: Any,
    ) -> "AsyncResult[Any]":
        """Admit the alert and dispatch its delivery task. Celery's retries come this way too, with ``retries`` set.

        Args:
            args: what ``delay`` takes by position; from Celery, also the result of the task before.
            kwargs: its fields.
            task_id: the id of the notification.
            options: Celery's. ``countdown``, ``eta`` and ``expires`` are those of the alert.

        Raises:
            As ``delay``; InvalidMessage also for a ``countdown``, ``eta`` or ``expires`` that is wrong, and for a
                ``queue`` that there is not.
        """
        if options.get("retries") and self.request.get("delivering") and task_id == self.request.id:
            # when the outbox releases the failed batch: the backoff that Celery worked out would miss that moment
            options["countdown"] = self.request.get("retry_wait_seconds", options.get("countdown"))
            return self._trigger(str(task_id), str(self.request.get("kwargsrepr") or ""), options)
        if options.keys() & APPLIED_BY_CELERY:
            message = message_of_callback(self.alert_type, args, kwargs, task_id, options.get("parent_id"))
        else:
            message = message_of(self.alert_type, args, kwargs, task_id)
        _check_queue(options.get("queue"))
        message = prepare(message, pipeline.settings)
        links = maybe_list(options.get("link")) or ()
        callbacks = take_callbacks(options, app)
        if options.get("retries"):
            pipeline.publisher.admit(message)
        else:
            when = {name: options.pop(name, None) for name in ("countdown", "eta", "expires")}
            terms = read_terms(pipeline.settings.expire_seconds, **when, callbacks=callbacks)
            raised = pipeline.client.admit(message, terms)
            if raised.status is not Status.QUEUED:
                _call(links if raised.status is Status.CAPTURED else (), raised.result)
                return _of_incident(raised.result, message)
            if not (raised.needs_task or self._asks_for_a_message(options)):
                if options.get("add_to_parent", True):
                    _note_child(raised.result)
                return _of_incident(raised.result, message)
        return _of_incident(self._trigger(message.id, shown(message), options), message)

    def _asks_for_a_message(self, options: dict[str, Any]) -> bool:
        """Whether the caller says how the delivery task is to travel."""
        given = {name for name, value in options.items() if value is not None} - OF_THE_ALERT
        if options.get("queue") == pipeline.keys.queue(self.alert_type):  # as it would without
            given.discard("queue")
        return bool(given)

    def _trigger(self, task_id: str, shown_arguments: str, options: dict[str, Any]) -> "AsyncResult[Any]":
        """Dispatch the delivery task of an alert that is admitted: it carries the id alone."""
        options |= {"serializer": None, "compression": None}  # what every worker reads
        options |= {"argsrepr": "", "kwargsrepr": shown_arguments[:TRIGGER_CHARACTERS]}
        options["headers"] = {**(options.get("headers") or {}), TRIGGER_HEADER: True}
        with pipeline.publisher.dispatching(self.name) as producer:
            super().apply_async((), {}, task_id, **{"producer": producer, **options})
        return self.AsyncResult(task_id)

    dispatch = CeleryTask.apply_async
    """Sends the delivery task, and nothing else: Celery's own way, without admission."""

    def apply(  # type: ignore[override]
        self, args: Sequence[Any] | None = None, kwargs: dict[str, Any] | None = None, **options: Any
    ) -> "AsyncResult[Any]":
        """As ``apply_async``: no process but a worker delivers. A chain that is applied locally comes this way."""
        sent = {name: value for name, value in options.items() if name not in ("throw", "logfile", "loglevel")}
        return self.apply_async(args, kwargs, **{"parent_id": None, **sent})

    def signature(
        self,
        args: Sequence[Any] | None = None,
        kwargs: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
        **more: Any,
    ) -> AlertSignature:
        """A signature that may be part of any application's canvas; ``s`` and ``si`` come this way too.

        Raises:
            InvalidMessage: names the field; a title is needed only if the signature is immutable.
        """
        warn_of_another_broker()
        _run_here_if_captured()
        fields = partial_fields(self.alert_type, args, kwargs, whole=bool(more.get("immutable")))
        fields.pop("alert_type", None)
        fields = prepare_given(fields, pipeline.settings)  # it travels in messages of other tasks
        of_its_own = {"queue": pipeline.keys.queue(self.alert_type)}
        if "id" in fields:
            of_its_own["task_id"] = fields.pop("id")
        return AlertSignature(self, (), fields, of_its_own | (options or {}), **{"app": self.app, **more})

    subtask = signature

    def signature_from_request(
        self, request: Any = None, args: Any = None, kwargs: Any = None, queue: str | None = None, **options: Any
    ) -> "Signature[Any]":
        """What Celery retries. A parent's result is a field of its own from here on."""
        asked = request or self.request
        if asked.get("delivering"):
            return super().signature_from_request(asked, (), {}, queue, **options)  # its alert is admitted
        given = (asked.args if args is None else args, asked.kwargs if kwargs is None else kwargs)
        message = message_of_callback(self.alert_type, *given, asked.id, asked.parent_id)
        fields = message.model_dump(mode="json", exclude_defaults=True, exclude={"id", "alert_type"})
        return super().signature_from_request(asked, (), fields, queue, **options)

    def map(self, it: Iterable[Any]) -> xmap:
        """One task that raises an alert for each item, in turn; its result is the list of their ids.

        Raises:
            InvalidMessage: of any item; none is raised then.
        """
        return xmap(self._bare(), [self._item(each) for each in it], app=self.app)

    def starmap(self, it: Iterable[Sequence[Any]]) -> xstarmap:
        """The same; each item holds what ``delay`` takes by position."""
        return xstarmap(self._bare(), [(self._item(*each),) for each in it], app=self.app)

    def chunks(self, it: Iterable[Sequence[Any]], n: int) -> chunks:
        """The same as ``starmap``, in tasks of ``n`` items."""
        return chunks(self._bare(), [(self._item(*each),) for each in it], n, app=self.app)

    def _bare(self) -> Any:  # celery-types wants a task there, Celery a signature
        _run_here_if_captured()
        return Signature(self, app=self.app)

    def _item(self, *args: Any) -> dict[str, Any]:
        # with its id: a task that is delivered again raises no alert again
        return message_of(self.alert_type, args, {}).__json__()


def submit(message: NotificationMessage) -> "AsyncResult[Any]":
    """Raise a message, as ``delay``; its result. Raises the same."""
    result = pipeline.client.submit(message).result
    if message.dedup_key:
        result = _of_incident(result, prepare(message, pipeline.settings))
    if not isinstance(result, EagerResult):
        _note_child(result)
    return result


def _note_child(result: "AsyncResult[Any]") -> None:
    """Put it among the children of the task that raised it."""
    if parent := get_current_worker_task():
        parent.add_trail(result)


def _of_incident(result: "AsyncResult[Any]", message: NotificationMessage) -> "AsyncResult[Any]":
    """The result with the incident that it can change. ``message``: prepared, so that its key is filled in."""
    if isinstance(result, Raised) and message.dedup_key:
        result.change = partial(app.tasks[ROUTES[message.alert_type].task].delay, dedup_key=message.dedup_key)
    return result


def _run_here_if_captured() -> None:
    if pipeline.hostname is None and capture_of(pipeline.settings):
        run_here(app.conf)


def _call(links: Iterable[Any], result: "AsyncResult[Any]") -> None:
    """Call what hangs on an alert that was captured: no worker does."""
    for each in links:
        signature: Any = maybe_signature(each, app=app)
        signature.apply_async((result.get(),), parent_id=result.id)


def _check_queue(queue: object) -> None:
    """Raise InvalidMessage before the alert is admitted: Celery looks for the queue when it sends the task."""
    try:
        app.amqp.router.expand_destination({"queue": queue})
    except QueueNotFound:
        known = ", ".join(pipeline.keys.queue(each) for each in ROUTES)
        raise InvalidMessage(f"queue: no worker of ours reads {queue!r}; the queues are {known}") from None
