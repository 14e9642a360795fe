"""Alerts that a hook raises: equal ones are counted, and none of them harms the program in which it hangs."""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from notifier.errors import NotifierError

logger = logging.getLogger(__name__)

FOLD_SECONDS = 300.0
"""Ours: as long as repeats of a configured mention are quiet."""
AGAIN_SECONDS = 10.0
"""Ours: after an alert that nobody took; until then none blocks the program again."""
KEYS_MAX = 1_000
"""Ours: kinds of failure that are told apart."""
LINES_MAX = 25
"""Ours: of what is told at the end."""
OTHERS = "Other failures"
TOLD = "_told_by_notifier"


class Repeats(NamedTuple):
    """How many were counted and not told, and the time of the first of them."""

    number: int
    since: datetime

    def __str__(self) -> str:
        return f"{self.number} more since {self.since:%H:%M} UTC"


@dataclass(slots=True)
class _Kind:
    told_at: float
    count: int = 0
    since: datetime = field(default_factory=lambda: datetime.now(UTC))


class FoldedAlerts:
    """The first of a kind is raised at once; what repeats within ``fold_seconds`` is told by the next, or at the end.

    Counts are those of this process; a forked one begins with none. Nothing here raises: what goes wrong is logged.

    Args:
        alert_type: of all of them, if an alert says no other.
        fold_seconds: 0: each is raised.
        clock: seconds that only grow.

    Raises:
        InvalidMessage: there is no such alert type.
    """

    def __init__(
        self, alert_type: str, fold_seconds: float = FOLD_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        from notifier.message_parts import AlertType  # imports pydantic

        self._type, self._fold_seconds, self._clock = AlertType.checked(alert_type), fold_seconds, clock
        self._new_process()
        os.register_at_fork(after_in_child=self._new_process)

    def raise_one(self, kind: str, fields: Callable[[], dict[str, Any]]) -> None:
        """Raise an alert, or count it.

        Args:
            kind: what is folded together, in words.
            fields: makes those of the message; called only if it is raised.
        """
        try:
            if (repeats := self._take(kind)) is None:
                return
            try:
                _submit({"alert_type": self._type, **_with(fields(), repeats)})
            except BaseException:
                self._give_back(kind, repeats)
                raise
        except Exception as error:
            _log(kind, error)

    def tell_rest(self) -> None:
        """Raise one alert about all that was counted and not told."""
        try:
            if rest := self._take_all():
                _submit({"alert_type": self._type, **_summary(rest)})
        except Exception as error:
            _log("what was folded", error)

    def _new_process(self) -> None:
        self._kinds: dict[str, _Kind] = {}
        self._lock = threading.Lock()
        self._not_before = 0.0

    def _take(self, kind: str) -> Repeats | None:
        """What to tell with this one; None: it is counted."""
        with self._lock:
            now = self._clock()
            found = self._kinds.get(kind)
            if found is None:
                found = self._kinds[kind] = _Kind(now - self._fold_seconds)
                self._forget_oldest()
            if now < max(found.told_at + self._fold_seconds, self._not_before):
                _count(found, 1)
                return None
            repeats = Repeats(found.count, found.since)
            self._kinds[kind] = _Kind(now)
            return repeats

    def _give_back(self, kind: str, repeats: Repeats) -> None:
        with self._lock:
            now = self._clock()
            self._not_before = now + AGAIN_SECONDS
            found = self._kinds.setdefault(kind, _Kind(now))
            since = repeats.since if repeats.number else found.since
            found.told_at, found.count = now - self._fold_seconds, found.count + repeats.number + 1
            found.since = since

    def _take_all(self) -> dict[str, Repeats]:
        with self._lock:
            kinds, self._kinds = self._kinds, {}
        return {kind: Repeats(each.count, each.since) for kind, each in kinds.items() if each.count}

    def _forget_oldest(self) -> None:
        if len(self._kinds) <= KEYS_MAX:
            return
        oldest = next(each for each in self._kinds if each != OTHERS)
        if count := self._kinds.pop(oldest).count:
            _count(self._kinds.setdefault(OTHERS, _Kind(self._clock())), count)


def _count(kind: _Kind, count: int) -> None:
    if not kind.count:
        kind.since = datetime.now(UTC)
    kind.count += count


def _with(fields: dict[str, Any], repeats: Repeats) -> dict[str, Any]:
    if not repeats.number:
        return fields
    return {**fields, "message": f"{fields.get('message', '')}\n\nAnd {repeats}.".strip()}


def _summary(rest: dict[str, Repeats]) -> dict[str, Any]:
    total = Repeats(sum(each.number for each in rest.values()), min(each.since for each in rest.values()))
    lines = [f"{kind}: {repeats}" for kind, repeats in rest.items()]
    more = [f"and {len(lines) - LINES_MAX} other kinds"] if len(lines) > LINES_MAX else []
    return {
        "title": str(total).replace("more", "more failures"),
        "message": "\n".join(lines[:LINES_MAX] + more),
        "markdown": False,
    }


def _submit(fields: dict[str, Any]) -> None:
    # whoever imports a hook need not have an alert to raise
    from notifier.models import NotificationMessage
    from notifier.pipeline import client_pipeline

    client_pipeline().client.submit(NotificationMessage(**fields))


def _log(what: str, error: Exception) -> None:
    expected = isinstance(error, NotifierError)
    logger.warning("%s: no alert was raised (%s)", what, error, exc_info=None if expected else error)


def shown(text: str, characters: int) -> str:
    """The beginning, on one line; secrets are masked before it is cut, for half of one would not be recognised."""
    from notifier.outbox.preparation import prepare_given
    from notifier.settings import settings

    whole = " ".join(str(prepare_given(text, settings())).split())
    return whole if len(whole) <= characters else f"{whole[:characters]}…"


def tell(error: BaseException) -> None:
    """Note that an alert tells of this exception: a framework that raises it also logs it."""
    with suppress(Exception):  # its own methods may refuse
        error.__dict__[TOLD] = True


def is_told(error: object) -> bool:
    """Whether an alert tells of it already."""
    try:
        return TOLD in vars(error)
    except Exception:
        return False
