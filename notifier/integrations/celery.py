"""Alerts about the failed tasks, and the silence, of an application's own Celery."""

import sys
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from threading import local
from time import monotonic, time
from typing import Any
from weakref import WeakValueDictionary

from celery import Celery, signals
from celery.exceptions import NotRegistered, TaskRevokedError
from celery.utils.saferepr import saferepr
from celery.utils.serialization import UnpickleableExceptionWrapper
from kombu.utils.encoding import safe_str

from notifier.integrations.folded_alerts import FoldedAlerts, shown
from notifier.integrations.queue_heartbeat import HEARTBEAT_TASK
from notifier.integrations.queue_heartbeat import alert_on_silence as alert_on_silence
from notifier.texts import text_of

ARGUMENT_CHARACTERS = 200
"""Ours: of the positional arguments, and of those by name."""
TITLE_CHARACTERS = 200
"""Ours: of what an exception says, in a title."""
OURS = ("send_notification.*", HEARTBEAT_TASK)
"""Our own tasks: an alert about an alert could go on for ever, and heartbeats that expire are told otherwise."""


def alert_on_failure(
    app: Celery,
    tasks: str | Iterable[str] = "*",
    type: str = "error",
    ignore: Iterable[str | type[BaseException]] = (),
    *,
    fold_seconds: float | None = None,
) -> "FailedTasks":
    """Raise an alert when a task of ``app`` fails in a worker.

    That is: it raises and is not retried, or its last retry is used up; its process is lost, or it exceeds its hard
    time limit; it is revoked, terminated or expires; it is not registered, or its message is rejected. What a task
    declares in ``throws`` is expected, and no failure. Tasks that are called eagerly raise at their caller.

    Args:
        app: the host's own; tasks of other applications of the process are left alone.
        tasks: names, or glob patterns of names.
        type: the alert type.
        ignore: such names or patterns, and classes of exceptions. ``TaskRevokedError`` and ``NotRegistered`` stand for
            tasks that are revoked, and unknown.
        fold_seconds: failures of one task with one kind of exception share a message, until there was none for so long;
            None: DISCORD_DEDUP_SECONDS; 0: each is an alert of its own.

    Raises:
        InvalidMessage: there is no such alert type.
    """
    failed = FailedTasks(app, tasks, ignore, FoldedAlerts(type, fold_seconds))
    failed.connect()
    return failed


class FailedTasks:
    """The handlers of Celery's signals; those of an application that are not its failures end at once."""

    def __init__(
        self,
        app: Celery,
        tasks: str | Iterable[str],
        ignore: Iterable[str | type[BaseException]],
        alerts: FoldedAlerts,
    ) -> None:
        self._app, self._alerts = app, alerts
        self._tasks = [tasks] if isinstance(tasks, str) else list(tasks)
        ignored = [ignore] if isinstance(ignore, str | type) else list(ignore)
        self._ignored_names = [*OURS, *(each for each in ignored if isinstance(each, str))]
        self._ignored = tuple(each for each in ignored if not isinstance(each, str))
        self._started: dict[str, float] = {}
        self._received: WeakValueDictionary[str, Any] = WeakValueDictionary()
        self._worker, self._here = "", _Here()
        self._uid = f"notifier {id(self)}"
        self._signals = {
            signals.worker_init: self._on_worker,
            signals.task_received: self._on_received,
            signals.task_prerun: self._on_start,
            signals.task_postrun: self._on_end,
            signals.task_failure: self._on_failure,
            signals.task_internal_error: self._on_internal_error,
            signals.task_revoked: self._on_revoked,
            signals.task_unknown: self._on_unknown,
            signals.task_rejected: self._on_rejected,
            signals.worker_process_shutdown: self._on_shutdown,
            signals.worker_shutdown: self._on_shutdown,
        }

    def connect(self) -> None:
        """Begin."""
        for signal, handler in self._signals.items():
            # without an id of its own, Celery takes a method of another instance for the same handler
            signal.connect(handler, weak=False, dispatch_uid=self._uid)

    def disconnect(self) -> None:
        """End."""
        for signal in self._signals:
            signal.disconnect(dispatch_uid=self._uid)

    def _on_worker(self, sender: Any = None, **_: Any) -> None:
        if self._is_host(sender):
            self._worker = str(sender.hostname)

    def _on_received(self, sender: Any = None, request: Any = None, **_: Any) -> None:
        # of a task whose process is lost, Celery signals less than it knows
        if self._is_host(sender):
            self._received[request.id] = request

    def _on_start(self, sender: Any = None, task_id: str = "", **_: Any) -> None:
        if self._is_host(sender):
            self._started[task_id] = monotonic()

    def _on_end(self, task_id: str = "", **_: Any) -> None:
        self._started.pop(task_id, None)

    def _on_failure(self, sender: Any = None, task_id: str = "", exception: Any = None, **more: Any) -> None:
        error = _original(exception)
        if self._here.internal == task_id or not self._is_watched(sender, sender.name, error):
            return
        call = sender.request if sender.request.id == task_id else self._received.get(task_id)
        if getattr(call, "is_eager", False) or isinstance(error, sender.throws or ()):
            return

        def fields() -> dict[str, Any]:
            traceback = error if error.__traceback__ else more.get("traceback")
            return {
                "title": f"Task {sender.name} failed{_retries(call)}: {shown(text_of(error), TITLE_CHARACTERS)}",
                "traceback": traceback if traceback is error else safe_str(traceback or ""),
                "fields": self._fields(call, task_id, more),
            }

        self._raise(f"{sender.name}/{type(error).__name__}", fields)

    def _on_internal_error(self, task_id: str = "", **more: Any) -> None:
        """Celery's own, as when it cannot store a result. It may signal a failure as well, or the same error again."""
        self._on_failure(task_id=task_id, **more)
        self._here.internal = task_id

    def _on_revoked(self, sender: Any = None, request: Any = None, **more: Any) -> None:
        if not self._is_watched(sender, sender.name, TaskRevokedError()):
            return
        how = "expired" if more.get("expired") else f"was {'terminated' if more.get('terminated') else 'revoked'}"

        def fields() -> dict[str, Any]:
            return {
                "title": f"Task {sender.name} {how}",
                "severity": "warning",
                "fields": self._fields(request, request.id, {}),
            }

        self._raise(f"{sender.name}/{how.removeprefix('was ')}", fields)

    def _on_unknown(self, sender: Any = None, name: str = "", id: str = "", **_: Any) -> None:
        if self._is_watched(sender, name, NotRegistered(name)):
            fields = {
                "title": f"Task {name} is not registered",
                "message": "The worker has deleted its message.",
                "fields": self._fields(sender, id, {}),
            }
            self._raise(f"{name}/not registered", lambda: fields)

    def _on_rejected(self, sender: Any = None, message: Any = None, exc: Any = None, **_: Any) -> None:
        name = str((message.headers or {}).get("task") or "")
        if self._is_watched(sender, name, exc):
            fields = {
                "title": f"The message of a task was rejected: {name or 'unknown'}",
                "message": f"The worker has deleted it. {text_of(exc)}".strip(),
                "fields": self._fields(sender, (message.headers or {}).get("id"), {}),
                "plain": ("title", "message"),
            }
            self._raise(f"{name or 'unknown task'}/rejected", lambda: fields)

    def _on_shutdown(self, **_: Any) -> None:
        self._alerts.tell_rest()

    def _raise(self, kind: str, fields: Callable[[], dict[str, Any]]) -> None:
        source = self._app.main
        key = "/".join(filter(None, ("celery", source, kind)))
        self._alerts.raise_one(key, lambda: {"source": source, "plain": ("title",), **fields()})

    def _is_host(self, sender: Any) -> bool:
        """Whether this is a worker, a consumer or a task of the host's application."""
        ours = getattr(self._app, "_get_current_object", lambda: self._app)()
        return getattr(sender, "app", None) is ours

    def _is_watched(self, sender: Any, name: str, error: object) -> bool:
        return (
            self._is_host(sender)
            and any(fnmatchcase(name, each) for each in self._tasks)
            and not any(fnmatchcase(name, each) for each in self._ignored_names)
            and not isinstance(error, self._ignored)
        )

    def _fields(self, call: Any, task_id: object, given: dict[str, Any]) -> list[dict[str, Any]]:
        """What is known of a call: of its request, in a worker's main process of the worker's own."""
        began, since = self._started.get(str(task_id)), getattr(call, "time_start", None)
        seconds = monotonic() - began if began is not None else time() - since if since else None
        args = getattr(call, "argsrepr", None) or saferepr(given.get("args") or ())
        kwargs = getattr(call, "kwargsrepr", None) or saferepr(given.get("kwargs") or {})
        texts = [shown(text, ARGUMENT_CHARACTERS) for text in (args, kwargs) if text not in ("()", "{}")]
        values = {
            "Task id": task_id,
            "Arguments": " ".join(texts),
            "Worker": getattr(call, "hostname", None) or self._worker,
            "Runtime": None if seconds is None else f"{seconds:.1f} s",
        }
        return [
            {"name": name, "value": str(value), "inline": name != "Arguments", "markdown": False}
            for name, value in values.items()
            if value
        ]


class _Here(local):
    internal = ""
    """The task whose internal error this thread has told last."""


def _original(exception: Any) -> Any:
    """The exception itself, where Celery passes a stand-in for one that cannot be pickled."""
    raised = sys.exc_info()[1]
    return raised if raised is not None and isinstance(exception, UnpickleableExceptionWrapper) else exception


def _retries(call: Any) -> str:
    count = getattr(call, "retries", None) or 0
    return f" after {count} {'retry' if count == 1 else 'retries'}" if count else ""
