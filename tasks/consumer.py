"""The consumer of a worker, with the parts of this process."""

import threading
from functools import cached_property

from celery.worker.state import maybe_shutdown

from notifier.outbox.unreadable import UnreadableEntries
from notifier.worker import consumer

from .celery import pipeline
from .pulse import motion


class Consumer(consumer.Consumer):
    """Celery's, which sets aside what is no message of a task, and is seen to move."""

    @cached_property
    def unreadable(self) -> UnreadableEntries:  # type: ignore[override]
        """Where to."""
        return pipeline.unreadable

    def waits(self) -> None:
        """The main loop waits for the broker; other threads connect as well.

        Raises:
            WorkerShutdown, WorkerTerminate: the worker is told to end. Where it sends events, Celery does not look.
        """
        if threading.current_thread() is threading.main_thread():
            motion.note("main loop")
            maybe_shutdown()
