"""The note in an embed's footer: late, possibly a duplicate, or meant for another channel."""

from notifier.render.cut import cut
from notifier.render.limits import NOTE_CHARACTERS_MAX

LATE_SECONDS = 60
"""Ours: the age from which an alert's footer says how late it is."""
SEPARATOR = " · "
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def note(*, maybe_posted: bool = False, delayed_seconds: float = 0, delayed_by: str = "", meant_for: str = "") -> str:
    """Return the footer's note; '' if there is none.

    ``delayed_by``: a reason word. ``meant_for``: the alert type whose webhook is out of use.
    """
    said = [f"for {meant_for}, whose webhook is gone or not configured"] if meant_for else []
    if maybe_posted:
        said.append("may be a duplicate: the answer to an earlier request was lost")
    if delayed_seconds > LATE_SECONDS:
        why = delayed_by.replace("_", " ") or "no worker was there"
        said.append(f"delayed {duration(delayed_seconds)}: {why}")
    return cut(SEPARATOR.join(said), NOTE_CHARACTERS_MAX)


def duration(seconds: float) -> str:
    """Format a wait in the largest unit that it reaches: ``14 min``, ``2 h``, ``3.2 s``."""
    for unit, name in UNITS:
        if seconds >= unit:
            return f"{seconds // unit:.0f} {name}"
    return f"{seconds:.3g} s"
