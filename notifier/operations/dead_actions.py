"""Replays and drops many dead letters, one after the other, within a time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from notifier.errors import BrokerUnavailable, NotifierError, QueueFull
from notifier.operations.audit import Audit, Author

IDS_NOTED = 20
"""Ours: ids that the note of an action has."""


@dataclass(slots=True)
class Done:
    """What it came to. ``done``: by id, what ``act`` returned. ``failed``: by id, why not. ``left``: not tried."""

    done: dict[str, str | None] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    left: int = 0


def each_of(ids: Sequence[str], act: Callable[[str], str | None], seconds: float) -> Done:
    """Do it to each; stop when the time is over, an outbox is full, or Redis is away: the others are left."""
    came_to, until = Done(left=len(ids)), time.monotonic() + seconds
    for each in ids:
        try:
            came_to.done[each] = act(each)
        except (QueueFull, BrokerUnavailable) as error:
            came_to.failed[each] = str(error)
            return came_to
        except NotifierError as error:
            came_to.failed[each] = str(error)
        came_to.left -= 1
        if time.monotonic() > until:
            return came_to
    return came_to


def noted(audit: Audit, author: Author, action: str, ids: Sequence[str], count: int) -> None:
    """Note what became of these: ``count`` of them were replayed, or dropped. Raises: as ``Audit``."""
    if count:
        target = ids[0] if len(ids) == 1 else f"{len(ids)} dead letters"
        audit.note(author, action, target, count=count, ids=list(ids[:IDS_NOTED]))
