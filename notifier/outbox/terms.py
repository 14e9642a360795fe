"""The terms on which an alert is admitted, beside its message: what Celery's options say of it."""

import math
from datetime import UTC, datetime, timedelta
from numbers import Real
from typing import NamedTuple

from notifier.errors import InvalidMessage

TERMS_HEADER = "notifier_terms"
"""The header of a delivery task that holds ``eta`` and ``expires`` as a program has set them that knows only the task's
name. Where it is there, the task's own ``eta`` is that of the trigger, and not of the alert."""
TRIGGER_HEADER = "notifier_trigger"
"""The header of a delivery task whose alert was admitted before the task was sent: it has no arguments. If no outbox
knows its id, there is nothing to deliver."""
REVOKED_HEADER = "notifier_revoked"
"""The header of a delivery task that was revoked before a worker had admitted its alert."""


class Terms(NamedTuple):
    """Terms of one alert. Seconds count from its admission.

    Args:
        after_seconds: it is not posted before that (Celery's ``countdown`` and ``eta``).
        expires_seconds: it is not posted after that (Celery's ``expires``; negative: it has expired already); None:
            DISCORD_EXPIRE_SECONDS alone counts.
        callbacks: what is called once it is final (``callbacks.py``), as JSON; empty if nothing is.
        partition: the one that takes it, if it is not to be spread.
    """

    after_seconds: float = 0
    expires_seconds: float | None = None
    callbacks: str = ""
    partition: int | None = None


NO_TERMS = Terms()


def read_terms(
    expire_seconds: float, *, countdown: object = None, eta: object = None, expires: object = None, callbacks: str = ""
) -> Terms:
    """The terms that Celery's options of these names ask for.

    Args:
        expire_seconds: DISCORD_EXPIRE_SECONDS, which no alert outlives.
        countdown: seconds; it outweighs ``eta``, as in Celery.
        eta: a ``datetime`` (UTC if it is naive, as Celery takes it) or its ISO 8601 text.
        expires: seconds, or as ``eta``.

    Raises:
        InvalidMessage: names the option.
    """
    if not (countdown or eta or expires is not None or callbacks):
        return NO_TERMS
    now = datetime.now(UTC)
    due = _seconds("countdown", countdown, now) if countdown else _moment("eta", eta) if eta else now
    ends = None if expires is None else _seconds_or_moment("expires", expires, now)
    after_seconds = max(0.0, (due - now).total_seconds())
    expires_seconds = None if ends is None else (ends - now).total_seconds()
    option = "countdown" if countdown else "eta"
    if after_seconds >= expire_seconds:
        raise InvalidMessage(f"{option}: the alert would expire before that (DISCORD_EXPIRE_SECONDS)")
    if after_seconds and expires_seconds is not None and after_seconds >= expires_seconds:
        raise InvalidMessage(f"{option}: the alert would expire before that (expires)")
    return Terms(after_seconds, expires_seconds, callbacks)


def _seconds_or_moment(option: str, value: object, now: datetime) -> datetime:
    return _seconds(option, value, now) if isinstance(value, Real) else _moment(option, value)


def _seconds(option: str, value: object, now: datetime) -> datetime:
    if not isinstance(value, Real) or isinstance(value, bool) or not math.isfinite(value):
        raise InvalidMessage(f"{option}: expected a number of seconds, not {value!r}")
    try:
        return now + timedelta(seconds=float(value))
    except OverflowError:
        raise InvalidMessage(f"{option}: {value!r} seconds are too many") from None


def _moment(option: str, value: object) -> datetime:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            raise InvalidMessage(f"{option}: expected a time in ISO 8601, not {value!r}") from None
    if not isinstance(value, datetime):
        raise InvalidMessage(f"{option}: expected a datetime or its text, not {value!r}")
    return value if value.tzinfo else value.replace(tzinfo=UTC)
