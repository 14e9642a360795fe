"""The parts of a message that say which incident it belongs to, and what becomes of the message of that."""

import hashlib
import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from notifier.given_parts import Adjust, Given, flag, items
from notifier.message_parts import MENTIONS_MAX, AlertType, as_escalate_to
from notifier.texts import Walk, text_of

DEDUP_KEY_CHARACTERS = 1_000
DEDUP_SECONDS_MAX = 30 * 86_400
"""Ours: the longest that an incident goes without a repeat, and is not over."""
COUNT_MAX = 10**9
REMIND_SECONDS_MAX = 86_400
"""Ours: the longest time until an incident is told again, or escalated."""
ACKNOWLEDGED_CHARACTERS = 200
"""Ours: who acknowledges an incident, and why."""

REPOST_AFTER_MAX = 1_000
"""Ours: the most messages that may come behind that of an incident before another one is posted."""


def _one_of(*names: str) -> Callable[[object, Adjust, Given], str | None]:
    def coerce(value: object, adjust: Adjust, _: Given) -> str | None:
        name = text_of(value).strip().lower()
        if name in names:
            return name
        adjust(f"left out: expected {' or '.join(names)}")
        return None

    return coerce


def _repost_after(value: object, adjust: Adjust, _: Given) -> int | None:
    number = _number(value)
    if number is None or not 0 <= number <= REPOST_AFTER_MAX:
        adjust(f"left out: expected a number of messages, up to {REPOST_AFTER_MAX}; 0 is never")
        return None
    return int(number)


def bounded_key(key: str) -> str:
    """A key of any length as one of at most 1,000 characters. Two that differ stay different."""
    if len(key) <= DEDUP_KEY_CHARACTERS:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    return f"{key[: DEDUP_KEY_CHARACTERS - len(digest) - 1]}…{digest}"


def _dedup_key(value: object, adjust: Adjust, _: Given) -> str | None:
    key = text_of(value).strip()
    if len(key) > DEDUP_KEY_CHARACTERS:
        adjust(f"shortened to {DEDUP_KEY_CHARACTERS} characters")
    return bounded_key(key) or None


def _dedup_seconds(value: object, adjust: Adjust, _: Given) -> float | None:
    seconds = _number(value.total_seconds() if isinstance(value, timedelta) else value)
    if seconds is None or not 0 < seconds <= DEDUP_SECONDS_MAX:
        adjust(f"left out: expected seconds, up to {DEDUP_SECONDS_MAX}")
        return None
    return seconds


def _seconds_or_never(value: object, adjust: Adjust, _: Given) -> float | None:
    seconds = _number(value.total_seconds() if isinstance(value, timedelta) else value)
    if seconds is None or not 0 <= seconds <= REMIND_SECONDS_MAX:
        adjust(f"left out: expected seconds, up to {REMIND_SECONDS_MAX}; 0 is never")
        return None
    return seconds


def _escalate_to(value: object, adjust: Adjust, _: Given) -> tuple[str, ...] | None:
    words = value.split(",") if isinstance(value, str) else items(value)[: 4 * MENTIONS_MAX]
    found, walk = list[str](), Walk()
    for word in words:
        target = as_escalate_to(walk.text(word))
        if target is None or (target in set(AlertType) and not set(AlertType).isdisjoint(found)):
            adjust("one left out: expected one alert type, and mentions such as 'role:123'")
        elif target not in found:
            found.append(target)
    return tuple(found[:MENTIONS_MAX]) or None


def _progress(value: object, adjust: Adjust, _: Given) -> float | None:
    text = text_of(value).strip()
    number = _number(text.removesuffix("%"))
    if number is None:
        adjust("left out: expected a number from 0 to 1, or a percentage")
        return None
    return min(max(number / 100 if text.endswith("%") else number, 0.0), 1.0)


def _count(value: object, adjust: Adjust, _: Given) -> int | None:
    number = _number(value)
    if number is None or not 1 <= number <= COUNT_MAX:
        adjust(f"left out: expected a number from 1 to {COUNT_MAX}")
        return None
    return int(number)


def _acknowledged(value: object, adjust: Adjust, _: Given) -> str | None:
    text = " ".join(text_of(value).split())
    if len(text) > ACKNOWLEDGED_CHARACTERS:
        adjust(f"only its first {ACKNOWLEDGED_CHARACTERS} characters")
    return text[:ACKNOWLEDGED_CHARACTERS].strip() or None


def _acknowledged_by(value: object, adjust: Adjust, given: Given) -> str | None:
    found = _acknowledged(value, adjust, given)
    if found and given.get("dedup_key"):
        given["update"] = True
    return found


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _of_a_key(coerce_one: Callable[[object, Adjust, Given], Any]) -> Callable[[object, Adjust, Given], Any]:
    """The same; without a ``dedup_key`` it says that there is no incident."""

    def coerce(value: object, adjust: Adjust, given: Given) -> Any:
        found = coerce_one(value, adjust, given)
        if found is not None and found is not False and not given.get("dedup_key"):
            adjust("of no effect: no dedup_key names an incident")
        return found

    return coerce


OF_AN_INCIDENT = {
    "dedup_key": _dedup_key,
    "dedup_seconds": _of_a_key(_dedup_seconds),
    "remind_seconds": _of_a_key(_seconds_or_never),
    "escalate_after": _of_a_key(_seconds_or_never),
    "escalate_to": _of_a_key(_escalate_to),
    "acknowledged_by": _of_a_key(_acknowledged_by),
    "acknowledged_why": _of_a_key(_acknowledged),
    "resolved": _of_a_key(flag),
    "update": _of_a_key(flag),
    "progress": _of_a_key(_progress),
    "count": _of_a_key(_count),
    "repeat": _of_a_key(_one_of("edit", "replace")),
    "dedup_text": _of_a_key(_one_of("newest", "first")),
    "incident_thread": _of_a_key(flag),
    "dedup_repost_after": _of_a_key(_repost_after),
    "if_not_open": _of_a_key(_one_of("ignore", "post")),
}
"""By field; the key first."""
