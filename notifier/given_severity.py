"""The severity that a caller gave, by any of its usual names, becomes one of ours."""

import logging

from notifier.given_parts import Adjust, Given
from notifier.message_parts import Severity
from notifier.texts import text_of

SEVERITIES = {
    **{str(each): each for each in Severity},
    **dict.fromkeys(("debug", "notset", "notice", "success", "ok", "information", "low", "trace"), Severity.INFO),
    **dict.fromkeys(("warn", "medium", "degraded"), Severity.WARNING),
    **dict.fromkeys(("err", "failure", "failed", "exception", "high"), Severity.ERROR),
    **dict.fromkeys(("crit", "fatal", "alert", "emergency", "emerg", "panic", "page", "disaster"), Severity.CRITICAL),
}
"""What others call them: logging, syslog, Alertmanager, Sentry."""


def severity(value: object, adjust: Adjust, given: Given) -> Severity | None:
    """The severity that a name or a level of logging means; None, and said, if it means none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = logging.getLevelName(max(10, min(value, 50)) // 10 * 10)
    name = text_of(value).strip().lower()
    if name.isdecimal() and len(name) < 4:
        return severity(int(name), adjust, given)
    if name and name not in SEVERITIES:
        adjust(f"left out: none of {', '.join(Severity)}")
    return SEVERITIES.get(name)
