"""Whether the machine of this worker can reach Discord. While it cannot, it makes requests only now and then."""

import logging
import random
import time
from collections.abc import Callable

from notifier.errors import BrokerUnavailable
from notifier.gate.machines import MachineFault, Machines, this_machine
from notifier.outbox.claim import HeldBack
from notifier.outcome import Answer, Deferred, Reason, Scope
from notifier.settings import Settings

logger = logging.getLogger(__name__)


def backoff_seconds(settings: Settings, attempts: int, longest: float) -> float:
    """Exponential in the attempts made, capped, and jittered between half and the whole of it."""
    full: float = min(settings.retry_backoff_seconds * 2 ** max(0, attempts - 1), longest)
    return full * random.uniform(0.5, 1)  # noqa: S311 - spreads retries, guards nothing


class OwnMachine:
    """Learns from the answers of one process. Threads may share it."""

    def __init__(self, machines: Machines, settings: Settings) -> None:
        self._machines = machines
        self._settings = settings
        self._name = this_machine()
        self._failures = 0
        self._until = self._logged_at = float("-inf")
        self._reason = Reason.NO_NETWORK

    def held_back(self) -> HeldBack | None:
        """For how long this machine makes no request, and why."""
        left = self._until - time.monotonic()
        return HeldBack(left, self._reason) if left > 0 else None

    def learn(self, answer: Answer) -> None:
        """Hold back after a fault of this machine, longer each time; go on once anything has answered."""
        match answer.outcome:
            case Deferred(_, reason, Scope.MACHINE, detail):
                self._hold_back(MachineFault(self._name, reason, detail))
            case _ if answer.http_status is not None and self._failures:
                self._failures, self._until, self._logged_at = 0, float("-inf"), float("-inf")
                logger.warning("this machine (%s) reaches Discord again", self._name)
                _tell(lambda: self._machines.works(self._name))

    def _hold_back(self, fault: MachineFault) -> None:
        self._failures += 1
        wait = backoff_seconds(self._settings, self._failures, self._settings.retry_backoff_max_seconds)
        self._reason, self._until = Reason(fault.reason), time.monotonic() + wait
        self._log(fault)
        _tell(lambda: self._machines.failing(fault, wait))

    def _log(self, fault: MachineFault) -> None:
        now = time.monotonic()
        if now - self._logged_at < (self._settings.watch_seconds or float("inf")):
            return
        self._logged_at = now
        logger.error("this machine (%s) cannot reach Discord, its alerts wait: %s", self._name, fault.detail)


def _tell(act: Callable[[], None]) -> None:
    try:
        act()
    except BrokerUnavailable as error:
        logger.warning("not told: %s", error)
