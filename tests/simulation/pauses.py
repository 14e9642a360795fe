"""What Discord asks to wait for, with a 429 or a ban, and who asks it all the same."""

from notifier.outcome import Answer, Deferred, Delivered, Scope
from tests.simulation.scheduler import SECOND

OBEYED = 60 * SECOND
"""Of a pause that is longer, so much: then a probe may go. A ban lasts so long at first, whatever it says."""
ALL = "all webhooks"


class Pauses:
    """Those that a worker has stored: no claim that begins after that leads to a request before they are over."""

    def __init__(self) -> None:
        self._stored: dict[tuple[str, Scope], tuple[int, int, int]] = {}
        self.disobeyed: list[str] = []
        """Requests that were made all the same, in words."""

    def store(self, answer: Answer, webhook: str, at: int, now: int) -> None:
        """The answer to a request that reached Discord at ``at`` is stored. A message that it has taken since then
        ends a pause."""
        match answer.outcome:
            case Deferred(seconds, _, scope) if scope is not Scope.MACHINE:
                whom = webhook if scope in (Scope.WEBHOOK, Scope.CHANNEL) else ALL
                lasts = OBEYED if scope is Scope.EDGE else min(round(seconds * SECOND), OBEYED)
                known = self._stored.get((whom, scope), (0, 0, 0))
                # a ban begins with its first answer: those to requests on their way by then say nothing more
                if scope is not Scope.EDGE or known[0] <= at:
                    self._stored[whom, scope] = max(known, (at + lasts, now, at))
            case Delivered():
                self._stored = {
                    place: pause
                    for place, pause in self._stored.items()
                    if place[0] not in (webhook, ALL) or at <= pause[2]
                }

    def look(self, webhook: str, claimed_from: int, told: str) -> None:
        """At a request that is made after a claim that began then."""
        for (whom, scope), (until, since, _) in self._stored.items():
            if whom in (webhook, ALL) and since < claimed_from < until:
                self.disobeyed.append(
                    f"{told} asks {webhook} although a 429 ({scope}) holds until {until / SECOND:.3f}"
                )
