"""The queues of a deployment, also by their names without its prefix: ``-Q notifications.critical`` suits each one."""

from collections.abc import Iterable
from typing import Any

from celery.app import amqp
from kombu.utils.functional import maybe_list


class Queues(amqp.Queues):
    """Celery's, which take an alias for what is consumed as well: Celery itself would call the queue by it."""

    def select(self, include: Iterable[str] | str | None) -> None:
        """Consume these alone. Raises KeyError: there is no such queue."""
        super().select(self._own(include))

    def deselect(self, exclude: Iterable[str] | str | None) -> None:
        """Consume all that are selected but these. Raises KeyError: there is no such queue."""
        super().deselect(self._own(exclude))

    def _own(self, names: Iterable[str] | str | None) -> list[str]:
        given: Any = maybe_list(names)
        return [self[name].name for name in given or ()]


class Amqp(amqp.AMQP):
    """Celery's, with these."""

    queues_cls = Queues
