"""What was told of incidents: programs post again what still goes on, and that is no repeat."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from time import monotonic

KEPT_MAX = 10_000
"""Ours: incidents of which it is known what was told last."""
SAME_SECONDS = 3_600
"""Ours: so long the same is not told again. Later it is: its message may be gone, or a silence over."""


class Meeting(Enum):
    """What one is, compared with what was told last of its incident."""

    NEW = auto()
    """Another occurrence; or this process does not know, and its id tells."""
    SAME = auto()
    CHANGED = auto()
    """The same occurrence, told otherwise."""
    BACK = auto()
    """The same occurrence, after it was said to be over."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was told last. ``said``: a digest of it."""

    id: str
    occurrence: str
    said: str
    is_resolved: bool
    started: str = ""
    at: float = 0.0


class Occurrences:
    """What this process has told, by incident. May be asked from several threads."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last: OrderedDict[str, Told] = OrderedDict()

    def meet(self, incident: str, now: Told) -> tuple[Meeting, Told | None]:
        """What this is, and what was told before it."""
        with self._lock:
            last = self._last.get(incident)
        if last is None:
            return Meeting.NEW, None
        if now.is_resolved or last.is_resolved:
            if now.occurrence == last.occurrence and now.is_resolved:
                return Meeting.SAME, last
            is_back = not now.is_resolved and now.occurrence == last.started
            return (Meeting.BACK if is_back else Meeting.NEW), last
        if now.occurrence != last.occurrence:
            return Meeting.NEW, last
        is_same = now.said == last.said and self._clock() - last.at < SAME_SECONDS
        return (Meeting.SAME if is_same else Meeting.CHANGED), last

    def is_open(self, incident: str) -> bool:
        """Whether it was told, and not that it is over."""
        with self._lock:
            last = self._last.get(incident)
        return last is not None and not last.is_resolved

    def note(self, incident: str, now: Told) -> None:
        """It is told."""
        with self._lock:
            last = self._last.pop(incident, None)
            started = (last.started if last else "") if now.is_resolved else now.occurrence
            self._last[incident] = Told(now.id, now.occurrence, now.said, now.is_resolved, started, self._clock())
            if len(self._last) > KEPT_MAX:
                self._last.popitem(last=False)
