"""The way straight to Discord, of a process that may post alerts itself: others import nothing of outcomes."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from notifier.models import NotificationMessage
from notifier.outbox.terms import Terms
from notifier.outcome import Deferred, Delivered, Failed, Outcome, Reason, Scope, Unknown
from notifier.producer.deadline import Deadline, DeadlineExceeded
from notifier.producer.submitted import Submitted, sent_directly
from notifier.producer.ways import NotTaken

if TYPE_CHECKING:
    from notifier.producer.direct import Direct

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of an alert that this process has posted. ``left_out``: the ornaments that it went without."""

    outcome: Outcome
    left_out: frozenset[str] = frozenset()


class StraightToDiscord:
    """Posts the alert from this process. ``build`` makes the poster, with the HTTP client, when one is first needed."""

    def __init__(self, build: "Callable[[], Direct]") -> None:
        self._build = build
        self._built: Direct | None = None
        self._lock = threading.Lock()

    def take(
        self, message: NotificationMessage, terms: Terms, deadline: Deadline, so_far: NotTaken
    ) -> Submitted | NotTaken:
        """As ``Way.take``. A worker may post it as well if ``so_far`` it is maybe admitted: the message says so.

        What is not to be posted yet, or not any more, is not taken.
        """
        ends = terms.expires_seconds
        if terms.after_seconds or (ends is not None and ends <= deadline.elapsed_seconds):
            return so_far
        posted = self._post(message, deadline, so_far.maybe_admitted)
        outcome = posted.outcome
        if isinstance(outcome, Delivered):
            logger.warning("alert %s was posted by this process: %s", message.id, so_far.because)
            if terms.callbacks:
                logger.warning("what hangs on alert %s is not called: there is no broker to call it", message.id)
            return sent_directly(message, outcome, posted.left_out)
        because = f"{so_far.because}; posted directly: {outcome.reason}"
        if outcome.detail and (outcome.reason is Reason.WEBHOOK_NOT_CONFIGURED or _is_of_this_machine(outcome)):
            because += f" ({outcome.detail})"
        return so_far._replace(because=because, maybe_posted=isinstance(outcome, Unknown))

    def _post(self, message: NotificationMessage, deadline: Deadline, maybe_admitted: bool) -> Posted:

        try:
            return deadline.run(
                lambda: self._direct().post(message, maybe_admitted=maybe_admitted),
                before=self._direct,  # so that what takes long before a request is made leaves no doubt about it
            )
        except DeadlineExceeded as late:
            return Posted(Unknown(Reason.READ_TIMEOUT) if late.begun else Failed(Reason.CONNECTION_FAILED))

    def _direct(self) -> "Direct":
        with self._lock:  # one for the process: it counts what was sent
            if self._built is None:
                self._built = self._build()
            return self._built


def _is_of_this_machine(outcome: Outcome) -> bool:
    return isinstance(outcome, Deferred) and outcome.scope is Scope.MACHINE
