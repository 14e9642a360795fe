"""What a template may do with a value that Jinja has no filter for."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from notifier.plain_text import code_block
from notifier.template_text import Markdown
from notifier.texts import DiscordTime, text_of

STYLES = ("t", "T", "d", "D", "f", "F", "R")
"""Of a time (Discord docs, reference.mdx, Timestamp Styles)."""
MINUTE = 60
UNITS = {"d": 86_400, "h": 3_600, "min": MINUTE, "s": 1}
"""Of a duration, in seconds."""
DURATION_SECONDS_MAX = 1e12
"""Ours: what is longer is shown as it is."""


def code(value: Any, language: str = "") -> Markdown:
    """A code block that nothing in the value ends."""
    text = text_of(value)
    return Markdown(code_block(text, language) if text.strip() else "")


def moment(value: Any, style: str = "f") -> Markdown:
    """A time that each reader sees in their own time zone; '' for None."""
    if value is None:
        return Markdown()
    if not isinstance(value, datetime):
        raise ValueError(f"'time' is for times, not {type(value).__name__}")
    if style not in STYLES:
        raise ValueError(f"a style of 'time' is one of {' '.join(STYLES)}")
    return Markdown(DiscordTime(value, style))


def duration(seconds: Any) -> str:
    """So many seconds as people say them, in two units; '' for None."""
    if seconds is None:
        return ""
    seconds = float(seconds)
    if not abs(seconds) < DURATION_SECONDS_MAX:
        return text_of(seconds)
    if abs(seconds) < MINUTE:
        return f"{seconds:.3g} s"
    rest, parts = round(abs(seconds)), []
    for name, size in UNITS.items():
        count, rest = divmod(rest, size)
        parts.append((count, name))
    first = next(place for place, (count, _) in enumerate(parts) if count)
    shown = " ".join(f"{count} {name}" for count, name in parts[first : first + 2] if count)
    return f"-{shown}" if seconds < 0 else shown


def iso(value: Any, style: str = "f") -> str:
    """The same where Discord reads no Markdown: in UTC."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M UTC}" if moment(value, style) else ""


def text(value: Any, language: str = "") -> str:
    """What is no code block there."""
    del language
    return text_of(value).strip("\n")


def markdown(value: Any) -> Markdown:
    """A value that is Markdown already."""
    return Markdown(text_of(value))


Filters = dict[str, Callable[..., Any]]
AS_MARKDOWN: Filters = {"code": code, "duration": duration, "markdown": markdown, "time": moment}
"""By the name that a template has for it, in a text that Discord reads as Markdown."""
AS_TEXT: Filters = {"code": text, "duration": duration, "markdown": text_of, "time": iso}
"""The same in one that it shows as it is."""
