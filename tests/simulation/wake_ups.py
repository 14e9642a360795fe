"""The wake-ups that are under way: one for each outbox, but for those that an earlier one has taken the place of."""

from collections import defaultdict
from dataclasses import dataclass

from notifier.outbox.claim import ClaimRequest
from tests.simulation.scheduler import SECOND, Scheduler

SETTLED = SECOND // 10
"""Two that workers ask for at the same moment may be sent in any order."""


@dataclass
class _Sent:
    at: int
    due: int
    token: str
    is_replaced: bool = False


class WakeUps:
    """What is sent, by outbox."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._sent: defaultdict[str, list[_Sent]] = defaultdict(list)
        self.second: list[str] = []
        """Those that were sent although one that is due as early was under way, in words."""

    def sent(self, request: ClaimRequest, wait_seconds: float) -> None:
        """A worker sends one."""
        now, outbox = self._scheduler.now, str(request.outbox)
        one = _Sent(now, now + round(wait_seconds * SECOND), request.wake_up)
        live = [each for each in self._sent[outbox] if each.due > now]
        for each in live:
            if each.due > one.due:
                each.is_replaced = True
            elif each.token == one.token or (not each.is_replaced and each.at < now - SETTLED):
                until = f"{each.due / SECOND:.3f}, sent at {each.at / SECOND:.3f}"
                self.second.append(f"{now / SECOND:.3f} {outbox}: a second wake-up, beside one until {until}")
        self._sent[outbox] = [*live, one]
