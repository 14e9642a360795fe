"""What was folded, in the words of one alert."""

from collections.abc import Mapping

from notifier.models import AlertType, MessageField, NotificationMessage, Severity
from notifier.render.cut import cut

TITLE_SHOWN_CHARACTERS = 100
TITLES_SHOWN = 25


def digest(
    notification_id: str, alert_type: AlertType, titles: Mapping[str, int], *, others: int, first: str, last: str
) -> NotificationMessage:
    """One alert that tells of many: how many of each title, and when. ``first``, ``last``: times as text."""
    count = sum(titles.values()) + others
    most = sorted(titles.items(), key=lambda each: (-each[1], each[0]))
    lines = [f"{times} × {cut(title, TITLE_SHOWN_CHARACTERS)}" for title, times in most[:TITLES_SHOWN]]
    rest = others + sum(times for _, times in most[TITLES_SHOWN:])
    if rest:
        lines.append(f"{rest} × others")
    return NotificationMessage(
        id=notification_id,
        alert_type=alert_type,
        title=f"{count} more",
        message="\n".join(lines),
        severity=Severity.WARNING,
        fields=(
            MessageField(name="First", value=first, inline=True),
            MessageField(name="Last", value=last, inline=True),
        ),
    )
