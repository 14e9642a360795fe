"""The message of an incident: how often it came and since when, how far it is, that it is over."""

from dataclasses import dataclass

from notifier.message_parts import MessageField
from notifier.models import NotificationMessage, Severity
from notifier.plain_text import plain
from notifier.render.notes import duration

RESOLVED_COLOUR = 0x2ECC71
RESOLVED_MARK = "✅ "
BAR_CELLS = 20


@dataclass(frozen=True, slots=True)
class IncidentState:
    """An incident. Times are seconds since 1970 (0: never). ``title``: of the alert that opened it.

    ``count``: 0 if an update opened it: nothing is wrong. ``flaps``: how often it came again after it was over, first
    at ``flapping_since``. ``previous``: link to the message of the incident before.
    ``acknowledged_by``: who takes care of it, '' if nobody.
    """

    title: str
    count: int
    opened_at: float
    last_at: float
    resolved_at: float = 0
    is_resolved: bool = False
    flaps: int = 0
    flapping_since: float = 0
    previous: str | None = None
    acknowledged_at: float = 0
    acknowledged_by: str = ""
    acknowledged_why: str = ""


def with_incident(message: NotificationMessage, state: IncidentState) -> NotificationMessage:
    """An alert as the message of its incident shows it."""
    told = {
        "Progress": _progress(message.progress),
        "Repeated": _repeated(state),
        "Resolved" if state.count else "Done": _resolved(state),
        "Flapping": _flapping(state),
        "Acknowledged": _acknowledged(state),
        "Before": state.previous or "",
    }
    fields = [MessageField(name=name, value=text, markdown=True) for name, text in told.items() if text]
    update: dict[str, object] = {"fields": (*message.fields, *fields)}
    message = message.model_copy(update=update)
    return as_resolution(message) if state.is_resolved else message


def as_news(message: NotificationMessage, state: IncidentState) -> NotificationMessage:
    """What is new of an incident, for those who have its message before them."""
    is_over = message.resolved and state.is_resolved
    told = {
        "Progress": _progress(message.progress),
        "Resolved" if state.count else "Done": _resolved(state) if is_over else "",
        "Flapping": "" if message.update or is_over else _flapping(state),
    }
    fields = [MessageField(name=name, value=text, markdown=True) for name, text in told.items() if text]
    message = message.model_copy(update={"fields": (*message.fields, *fields)})
    return as_resolution(message) if is_over else message


def as_resolution(message: NotificationMessage) -> NotificationMessage:
    """The same, drawn as something that is over."""
    over = {"color": RESOLVED_COLOUR, "severity": Severity.INFO, "title": _marked(message.title)}
    return message.model_copy(update=over)


def _repeated(state: IncidentState) -> str:
    if state.count < 2:
        return ""
    return f"× {state.count} · first {_moment(state.opened_at)} · last {_moment(state.last_at)}"


def _resolved(state: IncidentState) -> str:
    if not state.is_resolved:
        return ""
    times = {0: "", 1: "; came once"}.get(state.count, f"; came {state.count} times")
    lasted = duration(max(0.0, state.resolved_at - state.opened_at))
    return f"{_moment(state.resolved_at)}, after {lasted}{times}"


def _marked(title: str) -> str:
    return title if title.startswith(RESOLVED_MARK) else f"{RESOLVED_MARK}{title}"


def _flapping(state: IncidentState) -> str:
    if not state.flaps:
        return ""
    return f"{state.flaps} × again since {_moment(state.flapping_since)}"


def _acknowledged(state: IncidentState) -> str:
    if not state.acknowledged_by:
        return ""
    why = f" · {plain(state.acknowledged_why)}" if state.acknowledged_why else ""
    return f"by {plain(state.acknowledged_by)}, {_moment(state.acknowledged_at)}{why}"


def _moment(seconds: float) -> str:
    """In the time zone of whoever reads it (Discord docs, reference.mdx, Timestamp Styles)."""
    return f"<t:{int(seconds)}:T>"


def _progress(share: float | None) -> str:
    if share is None:
        return ""
    full = round(share * BAR_CELLS)
    return f"`{'█' * full}{'░' * (BAR_CELLS - full)}` {share:.0%}"
