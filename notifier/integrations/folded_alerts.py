"""Alerts that a hook raises: equal ones share a message, and none of them harms the program in which it hangs."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from notifier.after_fork import after_fork
from notifier.counting import counted
from notifier.errors import NotifierError
from notifier.escaping import braceless

logger = logging.getLogger(__name__)

AGAIN_SECONDS = 10.0
"""Ours: after an alert that nobody took; until then none blocks the program again."""
KEYS_MAX = 1_000
"""Ours: kinds of failure that are told apart while nobody takes alerts."""
LINES_MAX = 25
"""Ours: of what is told at the end."""
OTHERS = "other failures"
TOLD = "_told_by_notifier"


class FoldedAlerts:
    """Alerts of one kind are one incident: its message counts them, whichever process raises them.

    What nobody takes is counted here, and told with the next of its kind, or at the end. A forked process begins with
    none. Nothing here raises: what goes wrong is logged.

    Args:
        alert_type: of all of them.
        fold_seconds: so long without another of its kind, and the next is a new message; None: DISCORD_DEDUP_SECONDS;
            0: each is an alert of its own.
        clock: seconds that only grow.

    Raises:
        InvalidMessage: there is no such alert type.
    """

    def __init__(
        self, alert_type: str, fold_seconds: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        from notifier.message_parts import AlertType  # imports pydantic

        self._type, self._fold_seconds, self._clock = AlertType.checked(alert_type), fold_seconds, clock
        self._missed: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._new_process()
        after_fork(self._new_process)

    def raise_one(self, kind: str, fields: Callable[[], dict[str, Any]]) -> None:
        """Raise an alert.

        Args:
            kind: the ``dedup_key`` of what is counted together.
            fields: makes those of the message; called only if it is raised.
        """
        try:
            if not (count := self._take(kind)):
                return
            try:
                _submit({"alert_type": self._type, **fields(), **self._of_kind(kind, count)})
            except BaseException:
                self._give_back(kind, count)
                raise
        except Exception as error:
            _log(kind, error)

    def tell_rest(self) -> None:
        """Raise one alert about all that nobody took."""
        try:
            with self._lock:
                missed, self._missed = self._missed, Counter()
            if missed:
                _submit({"alert_type": self._type, **_summary(missed)})
        except Exception as error:
            _log("what was counted", error)

    def _of_kind(self, kind: str, count: int) -> dict[str, Any]:
        if self._fold_seconds == 0:
            return {}
        seconds = {} if self._fold_seconds is None else {"dedup_seconds": self._fold_seconds}
        return {"dedup_key": braceless(kind), "count": count, **seconds}

    def _new_process(self) -> None:
        self._missed, self._lock, self._not_before = Counter(), threading.Lock(), 0.0

    def _take(self, kind: str) -> int:
        """How many of its kind are to be told; 0: it is counted."""
        with self._lock:
            if self._clock() < self._not_before:
                self._count(kind, 1)
                return 0
            return 1 if self._fold_seconds == 0 else self._missed.pop(kind, 0) + 1

    def _give_back(self, kind: str, count: int) -> None:
        with self._lock:
            self._not_before = self._clock() + AGAIN_SECONDS
            self._count(kind, count)

    def _count(self, kind: str, count: int) -> None:
        self._missed[kind if kind in self._missed or len(self._missed) < KEYS_MAX else OTHERS] += count


def _summary(missed: Counter[str]) -> dict[str, Any]:
    lines = [f"{count} × {kind}" for kind, count in missed.most_common(LINES_MAX)]
    more = [f"and {counted(len(missed) - LINES_MAX, 'other kind')}"] if len(missed) > LINES_MAX else []
    return {
        "title": f"{counted(missed.total(), 'failure was', 'failures were')} not told one by one",
        "message": "\n".join(lines + more),
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
