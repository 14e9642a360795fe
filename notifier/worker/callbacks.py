"""Calls what hangs on an alert once it is final: callbacks, errbacks, the rest of a chain, a chord."""

import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from celery import Celery, _state, signature
from celery.app.task import Context
from celery.exceptions import TaskRevokedError
from kombu.exceptions import OperationalError
from kombu.utils.json import loads
from redis.exceptions import RedisError

from notifier.errors import BrokerUnavailable, InvalidMessage, QueueFull
from notifier.outbox.callbacks import LEASE_SECONDS, PendingCallbacks
from notifier.outbox.record import Record, not_delivered, state_of
from notifier.outbox.records import Records
from notifier.outcome import State
from notifier.producer.callbacks import COMPOSITES
from notifier.routing import ROUTES

logger = logging.getLogger(__name__)

Call = Callable[[], object]
"""Calls one of them."""
AWAY = (OperationalError, RedisError, OSError, BrokerUnavailable)
"""Raised while the broker does not take a task. Whatever else a call raises, it would raise again."""
ALERT_TASKS = frozenset(route.task for route in ROUTES.values())
CALLS = uuid.UUID("0c5a5b64-0d2c-5d5e-8b53-4f6e1f0d9a3e")
"""Ours: the UUID namespace from which the id of a callback is derived, so that one called twice is one task."""


class Callbacks:
    """Calls them once each; only if its worker or Redis fails between a call and its note, one is called again.

    A task that is called again then has the same id.

    Args:
        app: sends any task by its name.
        alerts: has our own tasks, if this process has them.
    """

    def __init__(self, app: Celery, alerts: Celery, pending: PendingCallbacks, records: Records) -> None:
        self._app = app
        self._alerts = alerts
        self._pending = pending
        self._records = records

    def call(self, records: Iterable[Record], callbacks: Mapping[str, str], *, leased_at: float) -> None:
        """Call what hangs on these records. What cannot be sent now is left to the sweep.

        Args:
            callbacks: JSON (producer/callbacks.py) by id.
            leased_at: when they were leased to this worker, by the monotonic clock, or shortly before.
        """
        for record in records:
            # a worker that was paused must not call what a sweep may have called meanwhile
            if record["id"] in callbacks and time.monotonic() < leased_at + LEASE_SECONDS / 2:
                self._call(record, loads(callbacks[record["id"]]), leased_at)

    def call_missed(self) -> None:
        """Call what a worker did not call in time. Raises BrokerUnavailable: Redis did not answer."""
        now = time.monotonic()
        taken = self._pending.take()
        self.call(filter(None, self._records.read(list(taken))), taken, leased_at=now)

    def _call(self, record: Record, hanging: Mapping[str, Any], leased_at: float) -> None:
        try:
            with _current(self._app):
                for call in self._succeeded(record, hanging) if _is_success(record) else self._failed(record, hanging):
                    leased_at = self._keep_lease(record, leased_at)
                    _isolated(call, record)
        except AWAY as error:
            logger.warning(
                "what hangs on alert %s is not called yet (%s); a sweep will", record["id"], type(error).__name__
            )
            return
        try:
            self._pending.called([record["id"]])
        except BrokerUnavailable as error:
            logger.warning(
                "what hangs on alert %s is called, and is called again, as the same tasks: %s", record["id"], error
            )

    def _keep_lease(self, record: Record, leased_at: float) -> float:
        """Thousands of them take longer than one lease. Returns since when the lease counts."""
        now = time.monotonic()
        if now < leased_at + LEASE_SECONDS / 4:
            return leased_at
        self._pending.renew(record["id"])
        return now

    def _succeeded(self, record: Record, hanging: Mapping[str, Any]) -> Iterator[Call]:
        for position, each in enumerate(hanging["link"] or []):
            yield partial(self._send, record, hanging, each, f"link {position}", record)
        if hanging["chain"]:
            *rest, following = hanging["chain"]  # Celery keeps it in reverse
            yield partial(self._send, record, hanging, following, "chain", record, chain=rest)
        yield partial(self._part_of_chord, record, hanging, record)

    def _failed(self, record: Record, hanging: Mapping[str, Any]) -> Iterator[Call]:
        error = TaskRevokedError("revoked") if state_of(record) == State.REVOKED else not_delivered(record)
        yield partial(self._part_of_chord, record, hanging, error)
        for each in hanging["chain"] or []:
            yield partial(self._never_runs, each["options"], state_of(record), error)
        if state_of(record) == State.FAILURE:
            for position, each in enumerate(hanging["link_error"] or []):
                yield partial(self._send, record, hanging, each, f"link_error {position}", record["id"])

    def _send(
        self, record: Record, hanging: Mapping[str, Any], callback: Any, place: str, argument: Any, **options: Any
    ) -> None:
        found: Any = signature(_with_ids(callback, f"{record['id']} {place}"), app=self._app)
        options |= {"parent_id": record["id"], "root_id": hanging["root_id"] or record["id"]}
        if found.task in ALERT_TASKS & self._alerts.tasks.keys():
            # an alert that follows is as safe as any other from here on; a message in a queue is not
            with suppress(InvalidMessage, QueueFull):  # sent by its name, it becomes a dead letter
                signature(dict(found), app=self._alerts).apply_async((argument,), **options)
                return
        found.apply_async((argument,), **options)

    def _part_of_chord(self, record: Record, hanging: Mapping[str, Any], result: object) -> None:
        if hanging["chord"]:
            part = Context(
                id=record["id"],
                group=hanging["group_id"],
                group_index=hanging["group_index"],
                chord=hanging["chord"],
            )
            self._app.backend.on_chord_part_return(part, state_of(record), result)

    def _never_runs(self, options: Mapping[str, Any], state: str, error: Exception) -> None:
        """As Celery's ``Backend.mark_as_failure``: what was to follow in the chain has failed as well."""
        following = Context(
            id=options.get("task_id"),
            group=options.get("group_id"),
            group_index=options.get("group_index"),
            chord=options.get("chord"),
        )
        if following.id:
            self._app.backend.store_result(following.id, error, state, request=following)
        if following.chord:
            self._app.backend.on_chord_part_return(following, state, error)


@contextmanager
def _current(app: Celery) -> Iterator[None]:
    """Within it, ``app`` is this thread's current application.

    Celery gives the application to the outermost signature alone; what is nested in it (a chain as the body of a chord)
    is sent by the current one, and the worker's has no queue but ours.
    """
    state: Any = _state  # celery-types has no types for it
    before = state._tls.current_app
    app.set_current()
    try:
        yield
    finally:
        state._tls.current_app = before


def _with_ids(node: Any, name: str) -> Any:
    """A signature in which each task has an id: its own, or one that is derived from ``name`` and its place."""
    if isinstance(node, list):
        return [_with_ids(each, f"{name} {position}") for position, each in enumerate(node)]
    if not isinstance(node, Mapping) or "task" not in node:
        return node
    if node["task"] in COMPOSITES:
        parts = {part: _with_ids(each, f"{name} {part}") for part, each in node["kwargs"].items()}
        return {**node, "kwargs": parts}
    return {**node, "options": {"task_id": str(uuid.uuid5(CALLS, name)), **node["options"]}}


def _is_success(record: Record) -> bool:
    return state_of(record) == State.SUCCESS


def _isolated(call: Call, record: Record) -> None:
    """Call one; if it can never be called, that is logged, and the others are called all the same."""
    try:
        call()
    except AWAY:
        raise
    except Exception:
        logger.exception("something that hangs on alert %s cannot be called", record["id"])
