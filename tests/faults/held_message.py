"""The smallest Celery application that shows what a worker does when Redis restarts. Knows nothing of notifier."""

import os
from pathlib import Path

from celery import Celery

app = Celery("held_message", broker=os.environ["HELD_REDIS_URL"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    task_acks_late=True,
    worker_prefetch_multiplier=4,
)


@app.task(name="held")
def held() -> None:
    """Sent with a countdown: the worker holds its message, not acknowledged."""


@app.task(name="touch")
def touch(path: str) -> None:
    """Shows that the worker still works."""
    Path(path).touch()
