"""The consumer of a worker, with the parts of this process."""

from functools import cached_property

from notifier.outbox.unreadable import UnreadableEntries
from notifier.worker import consumer

from .celery import pipeline


class Consumer(consumer.Consumer):
    """Celery's, which sets aside what is no message of a task."""

    @cached_property
    def unreadable(self) -> UnreadableEntries:  # type: ignore[override]
        """Where to."""
        return pipeline.unreadable
