"""What a call gives a task, read in one way at every door: ``delay``, ``apply_async``, signatures, and in a worker.

A call gives a ``NotificationMessage``; or one mapping of its fields; or the title, or title and message, by position
and the other fields by name. ``template`` and ``context`` stand for fields. In a worker, and wherever Celery applies a
signature, whatever else stands there by position is what Celery passes to a callback: the result of the task before it,
or the id of the one that failed.
"""

from collections.abc import Mapping
from typing import Any

from notifier.errors import InvalidMessage
from notifier.models import EXCEPTION_NAMES, GIVEN_NAMES, TEMPLATE_NAMES, AlertType, NotificationMessage
from notifier.texts import clean

from .parent import FAILED_TITLE, FINISHED_TITLE, failure_of, result_of

MADE_OF = EXCEPTION_NAMES | TEMPLATE_NAMES
"""What brings fields, a title among them."""
DERIVED = frozenset(("title", "message", "plain", "adjusted", "traceback"))
"""Fields that may be made of what others were given."""
TITLE_CHARACTERS_MAX = 10_000
"""Ours: a longer text that stands by position is a parent's result, and no title."""
ANY_TITLE = "title"
"""Stands in for the title that a partial signature gets later."""


def message_of(alert_type: AlertType | None, args: Any, fields: Any, task_id: str | None = None) -> NotificationMessage:
    """The message that a caller gives.

    Args:
        alert_type: that of the task; None: whatever the message says.
        args: by position: a list or tuple.
        fields: by name: a mapping.
        task_id: its id, which outweighs any other.

    Raises:
        InvalidMessage: names what is wrong.
    """
    args, fields = _checked(args, fields)
    named = _named(args, fields)
    if named is None:
        raise _not_read(args, fields)
    return _message(alert_type, args, named, task_id)


def message_of_callback(
    alert_type: AlertType, args: Any, fields: Any, task_id: str | None, parent_id: str | None
) -> NotificationMessage:
    """The message of a task that Celery has called: by its name, or as the callback of another task.

    Args:
        parent_id: the id of that other task, if there is one.

    Raises:
        InvalidMessage: as ``message_of``; never for what is given by position.
    """
    return _message(alert_type, (), fields_of_callback(args, fields, parent_id), task_id)


def fields_of_callback(args: Any, fields: Any, parent_id: str | None) -> dict[str, Any]:
    """The fields of that message by name, right or wrong."""
    args, fields = _checked(args, fields)
    failure = failure_of(args[0]) if args and parent_id is not None and args[0] == parent_id else None
    if failure is not None:
        title, shown, args = FAILED_TITLE, failure, args[1:]
    elif _is_complete(args, fields):
        return _named(args, fields) or {}
    else:
        # a signature of another application may hold a title by position: the result comes before it
        rest = args[1:] if _is_complete(args[1:], fields) else ()
        title, shown, args = FINISHED_TITLE, result_of(args[0] if len(args) - len(rest) == 1 else list(args)), rest
    named = _named(args, fields) or fields
    if "template" not in named:
        named = {"title": title, **named}
    match named.get("fields", ()):
        case Mapping() as own:
            return {**named, "fields": [*({"name": name, "value": value} for name, value in own.items()), *shown]}
        case list() | tuple() as own:
            return {**named, "fields": [*own, *shown]}
    return named


def partial_fields(alert_type: AlertType, args: Any, fields: Any, *, whole: bool) -> dict[str, Any]:
    """The fields that a signature gives, as JSON; the title may be missing unless it is ``whole``.

    Raises:
        InvalidMessage: as ``message_of``.
    """
    args, fields = _checked(args, fields)
    named = _named(args, fields)
    if named is None:
        raise _not_read(args, fields)
    if args and isinstance(args[0], NotificationMessage):
        _message(alert_type, args, named, None)
        whole_message = args[0].__json__()
        return {**whole_message, **fields}
    has_title = whole or bool(MADE_OF & named.keys())
    probe = _message(alert_type, (), named if has_title else {"title": ANY_TITLE, **named}, None)
    # what the caller has left out is decided when the alert is raised, above all its time
    derived = DERIVED if has_title else DERIVED - {"title"}
    if "template" in named:  # rendered here and now: its texts are what travels
        derived |= probe.model_fields_set - {"alert_type"}
    made = probe.model_dump(mode="json", include=set(derived), exclude_defaults=True)
    return made | probe.model_dump(mode="json", include=set(named))


def _checked(args: Any, fields: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if type(args) is not tuple and not isinstance(args, list | tuple | None):
        raise InvalidMessage(f"args: a list or tuple, not {type(args).__name__}")
    if type(fields) is not dict and not isinstance(fields, Mapping | None):
        raise InvalidMessage(f"kwargs: a mapping, not {type(fields).__name__}")
    return tuple(args or ()), {str(name): value for name, value in (fields or {}).items()}


def _named(args: tuple[Any, ...], fields: dict[str, Any]) -> dict[str, Any] | None:
    """The fields by name, if this is one of the forms that a caller may choose."""
    match args:
        case ():
            return fields
        case (NotificationMessage() as message,) if fields.keys() <= {"id"}:
            return {**dict(message), **fields}
        case (Mapping() as mapping,) if fields.keys() <= {"id"} and mapping.keys() <= GIVEN_NAMES:
            return {**mapping, **fields}
        case (str(title),) if not fields.keys() & {"title", "template"}:
            return {**fields, "title": title}
        case (str(title), str(text)) if not fields.keys() & {"title", "message", "template"}:
            return {**fields, "title": title, "message": text}
    return None


def _is_complete(args: tuple[Any, ...], fields: dict[str, Any]) -> bool:
    """Whether they can be read, and positional ones hold the title: a parent's result may be a mapping as well."""
    named = _named(args, fields)
    if named is None or not args:
        return named is not None
    if isinstance(args[0], Mapping) and named.keys() >= TEMPLATE_NAMES:
        return True
    return "title" in named and (not isinstance(args[0], str) or _are_title_and_message(*args))


def _are_title_and_message(*texts: str) -> bool:
    """Whether these texts can be a title and a message. A parent's result may also be empty, or too long for that."""
    title = texts[0]
    return bool(title.strip()) and len(title) <= TITLE_CHARACTERS_MAX and title == clean(title)


def _message(
    alert_type: AlertType | None, args: tuple[Any, ...], named: dict[str, Any], task_id: str | None
) -> NotificationMessage:
    if not named.keys() - {"id", "alert_type"}:
        raise InvalidMessage("title: nothing was given; expected a title, a message or any other field")
    if task_id:
        named = {**named, "id": task_id}
    if args and isinstance(args[0], NotificationMessage) and named["id"] == args[0].id:
        message = args[0]  # it is checked already
    else:
        message = NotificationMessage(**({"alert_type": alert_type} if alert_type else {}) | named)
    if alert_type not in (None, message.alert_type):
        raise InvalidMessage(f"alert_type: this task sends {alert_type} alerts, not {message.alert_type}")
    return message


def _not_read(args: tuple[Any, ...], fields: dict[str, Any]) -> InvalidMessage:
    if len(args) == 1 and isinstance(args[0], Mapping) and (unknown := args[0].keys() - GIVEN_NAMES):
        return InvalidMessage(f"{', '.join(sorted(map(str, unknown)))}: not a field of a NotificationMessage")
    given = ", ".join([*(type(each).__name__ for each in args), *(f"{name}=…" for name in fields)])
    return InvalidMessage(
        "expected a NotificationMessage, or a mapping of its fields, or a title (and a message) and the other fields by"
        f" name; not ({given})"
    )
