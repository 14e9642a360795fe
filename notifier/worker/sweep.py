"""The sweep: the periodic look for what no delivery task will come for."""

import logging
from collections.abc import Callable, Collection, Sequence
from functools import partial

from notifier.errors import NotifierError
from notifier.models import AlertType
from notifier.outbox.digest import Digests
from notifier.outbox.outbox import Outbox
from notifier.producer.publisher import Publisher

logger = logging.getLogger(__name__)


class Sweep:
    """All steps of a sweep. Several workers may sweep at once.

    Args:
        outbox, digests, publisher: send missing wake-ups, and admit digests, for each alert type.
        each_time: the steps that are of no one type.
    """

    def __init__(
        self,
        outbox: Outbox,
        digests: Digests,
        publisher: Publisher,
        each_time: Sequence[Callable[[], object]],
    ) -> None:
        self._outbox = outbox
        self._digests = digests
        self._publisher = publisher
        self._each_time = each_time

    def __call__(self, served: Collection[AlertType], stopping: Callable[[], bool] = lambda: False) -> None:
        """Send missing wake-ups, admit digests, and do what is to be done each time.

        ``served``: the alert types whose queues this worker consumes. A step that fails is logged and the
        others still run, because alerts depend on them. ``stopping``: whether the worker ends; no step begins then.
        """
        wakes: list[Callable[[], object]] = [partial(self._wake, kind, kind in served) for kind in AlertType]
        problems: set[str] = set()  # if Redis is away, every step has the same
        for step in (*wakes, *self._each_time):
            if stopping():
                break
            try:
                step()
            except NotifierError as error:
                problems.add(str(error))
            except Exception:
                logger.exception("sweep failed")
        for problem in sorted(problems):
            logger.warning("sweep: %s", problem)

    def look(self, served: Collection[AlertType]) -> None:
        """Send the wake-ups of outboxes that nobody looks for, between two sweeps. What fails, the next sweep tells."""
        try:
            outboxes = [each for kind in served for each in self._outbox.partitions.of(kind)]
            for each in self._outbox.overlooked(outboxes) if outboxes else ():
                self._publisher.wake_up(self._outbox.sweep(*each))
        except NotifierError:
            pass
        except Exception:
            logger.exception("the look for lost triggers failed")

    def _wake(self, alert_type: AlertType, served: bool) -> None:
        if served:
            self._digests.admit(alert_type)
        for each in self._outbox.partitions.of(alert_type):
            self._publisher.wake_up(self._outbox.sweep(*each, served=served))
