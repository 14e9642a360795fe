"""Whether a message is one of a task: looked at before Celery, which deletes one that is not, or ends."""

import re
from collections.abc import Callable, Container, Mapping
from datetime import datetime
from typing import Any, cast

from celery.utils.time import maybe_iso8601, maybe_make_aware, timezone
from kombu.asynchronous.timer import to_timestamp
from kombu.message import Message

from notifier.outbox.unreadable import Problem


class UnreadableMessage(Exception):
    """A message that no task can be run for; ``problem`` is the reason word."""

    def __init__(self, problem: Problem, detail: str) -> None:
        super().__init__(f"{problem}: {detail}")
        self.problem = problem
        self.detail = detail


def check_task_message(message: Message, tasks: Container[str]) -> None:
    """Check what Celery relies on, in both of its protocols.

    Args:
        message: as the transport has made it.
        tasks: the names of those that this worker has.

    Raises:
        UnreadableMessage: says what is wrong.
    """
    try:
        payload = message.payload
    except Exception as error:  # of any codec
        raise UnreadableMessage("undecodable", repr(error)) from None
    fields = _fields(message.headers, payload)
    for name, (expected, fits) in FIELDS.items():
        if not fits(fields.get(name)):
            raise UnreadableMessage("invalid_task", f"{name}: expected {expected}")
    if fields["task"] not in tasks:
        raise UnreadableMessage("unknown_task", f"this worker has no task {fields['task']!r}")


def _fields(headers: Mapping[str, Any], payload: Any) -> Mapping[str, Any]:
    """All parts of a message by name, wherever its protocol has them."""
    if "task" not in headers and isinstance(payload, dict):
        return {**DEFAULTS, **payload}
    if isinstance(payload, dict) and "args" in payload:  # Celery's mixture of both protocols
        return {**DEFAULTS, **payload, **headers}
    match payload:
        case [args, kwargs, dict() | None as embed]:
            embed = embed or {}
            if repeated := embed.keys() & (FIELDS.keys() - set(EMBEDDED)):
                raise UnreadableMessage("invalid_task", f"the body's third part has {sorted(repeated)}")
            return {
                **DEFAULTS,
                **headers,
                "args": args,
                "kwargs": kwargs,
                **{name: embed.get(name) for name in EMBEDDED},
            }
    raise UnreadableMessage("invalid_task", "the body: expected [args, kwargs, embed]")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_name(value: Any) -> bool:
    # half of a surrogate pair can be in JSON, and in no name of a key
    return isinstance(value, str) and bool(value) and not re.search("[\ud800-\udfff]", value)


def _is_signature(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(value.get(name), kind)
        for name, kind in (("task", str), ("args", list), ("kwargs", dict), ("options", dict))
    )


def _are_signatures(value: Any) -> bool:
    return value is None or (isinstance(value, list) and all(map(_is_signature, value)))


def _is(*kinds: type | None) -> Callable[[Any], bool]:
    return lambda value: any(value is None if kind is None else isinstance(value, kind) for kind in kinds)


def _is_time(value: Any) -> bool:
    if value is None:
        return True
    try:
        to_timestamp(timezone.to_system(maybe_make_aware(cast("datetime", maybe_iso8601(value)), timezone.utc)))
    except (AttributeError, OverflowError, TypeError, ValueError):
        return False
    return isinstance(value, str)


def _is_time_limit(value: Any) -> bool:
    return value is None or (
        isinstance(value, list) and len(value) == 2 and all(isinstance(each, int | float | None) for each in value)
    )


DEFAULTS: dict[str, Any] = {"args": [], "kwargs": {}, "retries": 0}
"""What Celery takes for a part that a message has not."""
EMBEDDED = ("callbacks", "errbacks", "chain", "chord")
"""Those that protocol 2 has in the third part of its body."""
FIELDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "task": ("the name of a task", _is_name),
    "id": ("a text that is not empty", _is_name),
    "args": ("a list", _is(list)),
    "kwargs": ("an object", _is(dict)),
    "retries": ("a number", _is_count),
    "eta": ("a time in ISO 8601", _is_time),
    "expires": ("a time in ISO 8601", _is_time),
    "timelimit": ("two numbers", _is_time_limit),
    "chord": ("a signature", lambda value: value is None or _is_signature(value)),
    **dict.fromkeys(("callbacks", "errbacks", "chain"), ("a list of signatures", _are_signatures)),
    **dict.fromkeys(("root_id", "parent_id", "group", "shadow"), ("a text", _is(str, None))),
}
"""The parts on whose form Celery relies, and what it relies on."""
