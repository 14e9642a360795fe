"""What is settled already of a notification that still waits: the parts that are posted, and what Discord refused."""

import json
from typing import Any, NamedTuple


class Progress(NamedTuple):
    """Stored as JSON beside the message.

    ``part``: how many of its parts are posted. ``message_ids``, ``channel_id``: of those, in order. ``thread_id``: of
    the thread that the first has opened. ``left_out``: names of ornaments that Discord refused. ``in_forum``: its
    channel takes only posts with a name. ``maybe_posted``: one of these parts may be there twice.
    """

    part: int = 0
    message_ids: tuple[str, ...] = ()
    channel_id: str | None = None
    thread_id: str | None = None
    left_out: tuple[str, ...] = ()
    in_forum: bool = False
    maybe_posted: bool = False

    def as_json(self) -> str:
        """'' if nothing is settled."""
        return json.dumps(self._asdict()) if self is not NO_PROGRESS and self != NO_PROGRESS else ""


NO_PROGRESS = Progress()


def progress_of(text: str) -> Progress:
    """What ``as_json`` wrote, in this version or another one."""
    if not text:
        return NO_PROGRESS
    found: dict[str, Any] = json.loads(text)
    return Progress(
        found.get("part", 0),
        tuple(found.get("message_ids", ())),
        found.get("channel_id"),
        found.get("thread_id"),
        tuple(found.get("left_out", ())),
        found.get("in_forum", False),
        found.get("maybe_posted", False),
    )
