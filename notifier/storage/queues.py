"""The queues of a deployment, also by their names without its prefix: ``-Q notifications.critical`` suits each one."""

from collections.abc import Iterable
from typing import Any, cast

from celery.app import amqp
from kombu.utils.functional import maybe_list


class Queues(amqp.Queues):
    """Celery's, which take an alias for what is consumed as well: Celery itself would call the queue by it."""

    def select(self, include: Iterable[str] | str | None) -> None:
        """Consume these alone. Raises KeyError: there is no such queue."""
        super().select(self._own(include))

    def deselect(self, exclude: Iterable[str] | str | None) -> None:
        """Consume all that are selected but these. One that there is not is none of them.

        An error would end a worker: whoever reaches the broker may send ``cancel_consumer`` with any name.
        """
        given, aliases = maybe_list(exclude), cast("Any", self).aliases
        super().deselect(self._own([name for name in given or () if name in self or name in aliases]))

    def _own(self, names: Iterable[str] | str | None) -> list[str]:
        given: Any = maybe_list(names)
        return [self[name].name for name in given or ()]


class Amqp(amqp.AMQP):
    """Celery's, with these."""

    queues_cls = Queues
