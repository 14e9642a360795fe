"""Log records on their way from the threads that log to the one that raises alerts: bounded, and equal ones counted.

Everything here is for the caller's threads, signal handlers and finalizers too: the lock is held for a few steps only,
and may be taken again by the thread that has it.
"""

import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

FOLDS_MAX = 1_000
"""Ours: kinds of records that are counted here at once; of any other, each is handed over."""
TOLD_SECONDS = 5.0
"""Ours: how often a count is handed over; the message of an incident is edited no more often (SPACING_SECONDS)."""
CHARACTERS_MAX = 32 * 2**20
"""Ours: of all alerts that wait."""
DROPPED_KINDS_MAX = 20
OTHERS = "others"

Alert = dict[str, Any]
"""The fields of an alert."""


@dataclass(slots=True)
class Fold:
    """Equal records that no alert tells yet: ``count``, and the alert of the last. Until ``ends_at`` (monotonic)."""

    newest: Alert
    ends_at: float
    count: int = 0

    def tell(self) -> Alert:
        """The alert that tells them."""
        told = {**self.newest, "count": self.count}
        self.count = 0
        return told


@dataclass(slots=True)
class LogQueue:
    """At most ``size`` alerts wait."""

    size: int
    _lock: Any = field(default_factory=threading.RLock)
    _alerts: "SimpleQueue[Alert | threading.Event]" = field(default_factory=SimpleQueue)
    _folds: dict[str, Fold] = field(default_factory=dict)
    _dropped: Counter[str] = field(default_factory=Counter)
    waiting: int = 0
    _characters: int = 0

    def add(self, key: str, kind: str, make: Callable[[], Alert]) -> None:
        """Put a record in line, or count it.

        Args:
            key: equal records have the same; "" is equal to none.
            kind: what is said of it if it is dropped.
            make: its alert.
        """
        if key not in self._folds and (self.waiting >= self.size or self._characters > CHARACTERS_MAX):
            self.drop(kind)
            return
        alert = make() | {"id": str(uuid.uuid4())}  # without the lock: it calls methods of the caller's values
        with self._lock:
            if fold := self._folds.get(key):
                fold.newest, fold.count = alert, fold.count + 1
                return
            if key and len(self._folds) < FOLDS_MAX:
                self._folds[key] = Fold(alert, time.monotonic() + TOLD_SECONDS)
            self.waiting += 1
            self._characters += _characters(alert)
            self._alerts.put(alert)

    def drop(self, kind: str, count: int = 1) -> None:
        """Count records that no alert tells."""
        with self._lock:
            self._dropped[kind if kind in self._dropped or len(self._dropped) < DROPPED_KINDS_MAX else OTHERS] += count

    def mark(self) -> threading.Event:
        """An event in line, behind all that wait; for whoever takes it to set."""
        event = threading.Event()
        self._alerts.put(event)
        return event

    def take(self) -> "Alert | threading.Event | None":
        """What is next, or None once a fold has ended; waits for it. Raises Empty: nothing waits, and none is open."""
        with self._lock:
            ends = [fold.ends_at for fold in self._folds.values()]
        try:
            found = self._alerts.get(bool(ends), max(0.0, min(ends) - time.monotonic()) if ends else None)
        except Empty:
            if not ends:
                raise
            return None
        if not isinstance(found, threading.Event):
            with self._lock:
                self.waiting -= 1
                self._characters -= _characters(found)
        return found

    def ended(self, *, all_of_them: bool = False) -> list[Alert]:
        """The alerts of folds whose time is over. One that had repeats goes on for as long again.

        ``all_of_them``: also those whose time is not over; these stay open.
        """
        now, told = time.monotonic(), []
        with self._lock:
            for key, fold in list(self._folds.items()):
                is_over = fold.ends_at <= now
                if (is_over or all_of_them) and fold.count:
                    told.append(fold.tell())
                    fold.ends_at = now + TOLD_SECONDS
                elif is_over:
                    del self._folds[key]
        return told

    def forget_folds(self) -> None:
        """Count no record with those that came before."""
        with self._lock:
            self._folds.clear()

    def take_dropped(self) -> str:
        """What was dropped since the last call, in words; '' if nothing was."""
        with self._lock:
            dropped, self._dropped = self._dropped, Counter()
        if not dropped:
            return ""
        listed = ", ".join(f"{count} × {kind}" for kind, count in dropped.most_common())
        return f"{dropped.total()} {'record' if dropped.total() == 1 else 'records'} dropped: {listed}"

    def is_empty(self) -> bool:
        """Whether nothing waits and no fold is open."""
        return self._alerts.empty() and not self._folds


def _characters(alert: Alert) -> int:
    texts = (alert["message"], alert["traceback"] or "", *(field["value"] for field in alert["fields"]))
    return sum(map(len, texts))
