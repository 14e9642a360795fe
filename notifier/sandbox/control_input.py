"""The control API's own input, checked: every error names the field."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from notifier.sandbox.edge import BAN_FORMS
from notifier.sandbox.faults import LONGEST_SECONDS, Kind
from notifier.sandbox.limits import LimitSettings
from notifier.sandbox.store import Thread, Webhook

LARGEST_COUNT = 1_000_000
LONGEST_WINDOW_SECONDS = 86_400.0
FAULT_FIELDS = (
    "webhook_id", "method", "kind", "status", "body", "headers", "seconds", "when", "times", "probability", "match",
    "seed", "scope", "form",
)  # fmt: skip


class ControlInputError(Exception):
    """A field of a control request is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


def read_fault(body: Any) -> dict[str, Any]:
    """The parts of a fault."""
    values = _object(body, "body", FAULT_FIELDS)
    fault: dict[str, Any] = {"kind": Kind(_choice(values, "kind", [kind.value for kind in Kind], None))}
    fault["when"] = _choice(values, "when", ("before", "after"), "before")
    fault["scope"] = _choice(values, "scope", ("user", "shared", "global"), "user")
    fault["form"] = _choice(values, "form", BAN_FORMS, "text")
    fault["status"] = int(_number(values, "status", 500, 200, 599))
    fault["seconds"] = _number(values, "seconds", 0.0, 0.0, LONGEST_SECONDS)
    fault["probability"] = _number(values, "probability", 1.0, 0.0, 1.0)
    for name in ("times", "seed"):
        given = values.get(name) is not None
        fault[name] = int(_number(values, name, 0, int(name == "times"), LARGEST_COUNT)) if given else None
    for name in ("webhook_id", "match"):
        fault[name] = _text(values, name) if values.get(name) is not None else None
    method = _text(values, "method").upper() if values.get("method") is not None else None
    if method not in (None, "POST", "GET", "PATCH", "DELETE"):
        raise ControlInputError("method", "is one of POST, GET, PATCH, DELETE")
    fault["method"] = method
    fault["body"] = values.get("body")
    fault["headers"] = _headers(values.get("headers"))
    if fault["kind"] in (Kind.DELAY, Kind.SLOW) and not fault["seconds"]:
        raise ControlInputError("seconds", f"{fault['kind']} needs a time")
    return fault


def read_ban(body: Any) -> tuple[float, Any]:
    """Seconds and form of a ban."""
    values = _object(body, "body", ("seconds", "form"))
    form = _choice(values, "form", BAN_FORMS, "text")
    return _number(values, "seconds", 30.0, 0.0, LONGEST_WINDOW_SECONDS), form


def read_limits(body: Any, now: LimitSettings) -> LimitSettings:
    """Changed limits; limits that are not named stay."""
    values = _object(body, "body", ("enabled", "bucket", "channel", "global", "invalid"))
    bucket = _object(values.get("bucket") or {}, "bucket", ("limit", "window_seconds", "mode", "shared_by_reads"))
    channel = _object(values.get("channel") or {}, "channel", ("limit", "window_seconds", "code"))
    over_all = _object(values.get("global") or {}, "global", ("limit",))
    invalid = _object(values.get("invalid") or {}, "invalid", ("limit", "window_seconds", "ban_seconds"))
    code = channel.get("code", now.channel_code)
    if code not in (None, 20028):
        raise ControlInputError("channel.code", "is null or 20028")
    return replace(
        now,
        enabled=_flag(values, "enabled", now.enabled),
        bucket_limit=_count(bucket, "bucket", now.bucket_limit),
        bucket_window_seconds=_window(bucket, "bucket", now.bucket_window_seconds),
        bucket_mode=_choice(bucket, "mode", ("sliding", "fixed"), now.bucket_mode, "bucket."),
        bucket_shared_by_reads=_flag(bucket, "shared_by_reads", now.bucket_shared_by_reads, "bucket."),
        channel_limit=_count(channel, "channel", now.channel_limit),
        channel_window_seconds=_window(channel, "channel", now.channel_window_seconds),
        channel_code=code,
        global_limit=_count(over_all, "global", now.global_limit),
        invalid_limit=_count(invalid, "invalid", now.invalid_limit),
        invalid_window_seconds=_window(invalid, "invalid", now.invalid_window_seconds),
        invalid_ban_seconds=_number(
            invalid, "ban_seconds", now.invalid_ban_seconds, 0.0, LONGEST_WINDOW_SECONDS, "invalid."
        ),
    )


def limits_object(settings: LimitSettings) -> dict[str, Any]:
    """The limits in force, as ``read_limits`` takes them."""
    return {
        "enabled": settings.enabled,
        "bucket": {
            "limit": settings.bucket_limit,
            "window_seconds": settings.bucket_window_seconds,
            "mode": settings.bucket_mode,
            "shared_by_reads": settings.bucket_shared_by_reads,
        },
        "channel": {
            "limit": settings.channel_limit,
            "window_seconds": settings.channel_window_seconds,
            "code": settings.channel_code,
        },
        "global": {"limit": settings.global_limit},
        "invalid": {
            "limit": settings.invalid_limit,
            "window_seconds": settings.invalid_window_seconds,
            "ban_seconds": settings.invalid_ban_seconds,
        },
    }


def read_webhook(webhook_id: str, body: Any) -> Webhook:
    """A webhook to create or replace; any id and token is accepted."""
    values = _object(body, "body", ("token", "channel_id", "name", "channel_type", "requires_tag"))
    token, channel_id = _text(values, "token"), _text(values, "channel_id")
    if "/" in token:
        raise ControlInputError("token", "has no slash")
    return Webhook(
        id=_numeric(webhook_id, "id"),
        token=token,
        channel_id=_numeric(channel_id, "channel_id"),
        name=_text(values, "name") if values.get("name") is not None else f"webhook-{webhook_id}",
        channel_type=_choice(values, "channel_type", ("text", "forum"), "text"),
        requires_tag=_flag(values, "requires_tag", False),
    )


def read_thread(thread_id: str, body: Any) -> Thread:
    """A thread under a channel."""
    values = _object(body, "body", ("channel_id", "name", "locked"))
    name = _text(values, "name") if values.get("name") is not None else ""
    channel_id = _numeric(_text(values, "channel_id"), "channel_id")
    return Thread(_numeric(thread_id, "id"), channel_id, name, _flag(values, "locked", False))


def _object(value: Any, name: str, fields: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ControlInputError(name, "is a JSON object")
    for key in value:
        if key not in fields:
            raise ControlInputError(
                key if name == "body" else f"{name}.{key}", f"unknown; known are {', '.join(fields)}"
            )
    return value


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value:
        raise ControlInputError(name, "is a text that is not empty")
    return value


def _numeric(text: str, name: str) -> str:
    if not (text.isascii() and text.isdigit()):
        raise ControlInputError(name, "has digits only")
    return text


def _number(values: Mapping[str, Any], name: str, default: float, least: float, most: float, prefix: str = "") -> float:
    value = values.get(name, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= most:
        raise ControlInputError(f"{prefix}{name}", f"is a number from {least:g} to {most:g}")
    return value


def _count(values: Mapping[str, Any], group: str, default: int) -> int:
    return int(_number(values, "limit", default, 1, LARGEST_COUNT, f"{group}."))


def _window(values: Mapping[str, Any], group: str, default: float) -> float:
    return float(_number(values, "window_seconds", default, 0.01, LONGEST_WINDOW_SECONDS, f"{group}."))


def _flag(values: Mapping[str, Any], name: str, default: bool, prefix: str = "") -> bool:
    value = values.get(name, default)
    if not isinstance(value, bool):
        raise ControlInputError(f"{prefix}{name}", "is true or false")
    return value


def _choice(values: Mapping[str, Any], name: str, choices: Sequence[str], default: Any, prefix: str = "") -> Any:
    value = values.get(name, default)
    if value not in choices:
        raise ControlInputError(f"{prefix}{name}", f"is one of {', '.join(choices)}")
    return value


def _headers(value: Any) -> dict[str, str | None]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(text is None or isinstance(text, str) for text in value.values()):
        raise ControlInputError("headers", "is an object of texts; null takes a header away")
    for name, text in value.items():
        if any(ord(letter) < 32 or ord(letter) > 126 for letter in f"{name}{text or ''}") or not name:
            raise ControlInputError("headers", "holds printable ASCII only")
    return value
