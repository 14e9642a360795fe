"""What hangs on an alert in Celery: ``link``, ``link_error``, the rest of a chain, a chord.

It travels with the notification, for another task may carry the alert, and is called once the alert is final.
"""

from collections.abc import Mapping
from typing import Any

from celery import Celery, _state
from celery.app.task import Context
from celery.canvas import Signature
from kombu import Queue
from kombu.utils.functional import maybe_list
from kombu.utils.json import dumps, loads

from notifier.errors import InvalidMessage
from notifier.storage.broker import same_broker

HANGING = ("link", "link_error", "chain", "chord")
CONTEXT = ("group_id", "group_index", "root_id", "parent_id")
"""Options of ``apply_async`` that say where in a canvas the alert stands."""
COMPOSITES = frozenset({"celery.chain", "celery.group", "celery.chord"})
"""Signatures that are no message of their own; those inside them are."""

CALLBACKS_BYTES_MAX = 8 * 2**20
"""Ours: what Redis holds of what hangs on one alert; as much as of the alert."""


def take_callbacks(options: dict[str, Any], app: Celery) -> str:
    """Take what hangs on an alert out of the options of ``apply_async``.

    Tasks of other applications get the queue that their own application would send them to: the worker that will call
    them knows none of its routes.

    Returns:
        JSON; empty if nothing hangs on it.

    Raises:
        InvalidMessage: one of them belongs to an application with another broker, which no worker of ours reaches; or
            they cannot be stored, or are too long.
    """
    hanging = {name: _listed(name, options.pop(name, None)) for name in HANGING}
    if not any(hanging.values()):
        return ""
    return _stored({**_routed(hanging, app), **{name: options.get(name) for name in CONTEXT}})


def _stored(parts: dict[str, Any]) -> str:
    try:
        text = dumps(parts)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidMessage(f"{', '.join(HANGING)}: not expressible as JSON ({error})") from None
    check_size(text)
    return text


def check_size(callbacks: str) -> None:
    """Raise InvalidMessage if they are too long to be stored."""
    if (size := len(callbacks.encode(errors="surrogatepass"))) > CALLBACKS_BYTES_MAX:
        raise InvalidMessage(f"{', '.join(HANGING)}: {size} bytes as JSON, more than {CALLBACKS_BYTES_MAX}")


def callbacks_of_request(request: Context) -> str:
    """The same of a task that was sent by name, as its worker sees it, of any size."""
    hanging = {
        "link": request.callbacks,
        "link_error": request.errbacks,
        "chain": request.chain,
        "chord": request.chord,
    }
    if not any(hanging.values()):
        return ""
    context = {"group_id": request.group, "group_index": request.group_index}
    return dumps({**hanging, **context, "root_id": request.root_id, "parent_id": request.parent_id})


def options_of(callbacks: str) -> dict[str, Any]:
    """The options of ``apply_async`` from which ``callbacks`` were taken."""
    return dict(loads(callbacks)) if callbacks else {}


def _listed(name: str, value: Any) -> Any:
    return value if name == "chord" or value is None else maybe_list(value)


def _routed(node: Any, app: Celery) -> Any:
    if isinstance(node, Mapping):
        copy = {name: _routed(value, app) for name, value in node.items()}
        if isinstance(copy.get("task"), str) and isinstance(copy.get("options"), dict):
            _route(copy, _app_of(node), app)
        return copy
    return [_routed(each, app) for each in node] if isinstance(node, list | tuple) else node


def _app_of(node: object) -> Celery | None:
    """The application whose task it is; the current one of this process if it says none, and there is one."""
    if not isinstance(node, Signature):
        return None  # it has travelled
    own: Any = node
    state: Any = _state  # has no types for these
    app: Celery | None = own._app or getattr(state._tls, "current_app", None) or state.default_app
    return app


def _route(signature: dict[str, Any], its_app: Celery | None, app: Celery) -> None:
    name, options = signature["task"], signature["options"]
    if isinstance(queue := options.get("queue"), Queue):
        options["queue"] = queue.name
    if its_app is None or its_app is app or name in COMPOSITES:
        return
    if not same_broker(its_app, app):
        raise InvalidMessage(
            f"{name} cannot be called once the alert is final: its application has another broker than the notifier"
        )
    if not options.keys() & {"queue", "exchange", "routing_key"}:
        routed = its_app.amqp.router.route({}, name, signature["args"], signature["kwargs"]).get("queue")
        options["queue"] = routed.name if isinstance(routed, Queue) else routed
