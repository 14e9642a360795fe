"""What an alert waits for now. Its event says what it was when a worker heard of it, and none comes later."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from notifier.errors import BrokerUnavailable
from notifier.models import AlertType
from notifier.operations.waiting import Waiting, WaitingAlerts
from notifier.routing import ROUTES

FRESH_SECONDS = 2.0
"""Ours: a page shows many alerts of a type, and Redis is asked for all of them at once."""
AWAY_SECONDS = 10.0
"""Ours: a Redis that is silent holds up no page for so long."""
NOT_ENDED = frozenset({"PENDING", "RECEIVED", "STARTED", "RETRY"})
Look = Callable[[Sequence[AlertType]], Sequence[WaitingAlerts]]
TYPES = {route.task: kind for kind, route in ROUTES.items()}


class Reasons:
    """Knows what waits, by id.

    Args:
        look: what waits in the outboxes of these types; raises BrokerUnavailable.
        clock: seconds, by any clock that does not step back.
    """

    def __init__(
        self,
        look: Callable[[Sequence[AlertType]], Sequence[WaitingAlerts]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._look = look
        self._clock = clock
        self._known: dict[AlertType, tuple[float, Mapping[str, Waiting]]] = {}

    def show(self, task: Any) -> Any:
        """A task as Flower shows it: of an alert that waits, with what it waits for (result), and until when (ETA)."""
        kind = TYPES.get(task.name)
        if kind and task.state in NOT_ENDED and (waiting := self._waiting(kind).get(task.uuid)):
            task.result, task.eta = f"waits: {waiting.why}", waiting.until
        return task

    def _waiting(self, kind: AlertType) -> Mapping[str, Waiting]:
        fresh_until, known = self._known.get(kind, (0.0, {}))
        if self._clock() < fresh_until:
            return known
        try:
            known = {each.id: each for found in self._look([kind]) for each in found.shown}
            fresh_until = self._clock() + FRESH_SECONDS
        except BrokerUnavailable:
            known, fresh_until = {}, self._clock() + AWAY_SECONDS
        self._known[kind] = fresh_until, known
        return known
