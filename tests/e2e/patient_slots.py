"""Included by a worker whose tasks are to wait for their requests, even if the machine pauses for long.

As a rule a task ends after half a second, and its request goes on in a thread: then it is no retry of Celery's.
"""

from notifier.worker import offload

offload.SLOT_SECONDS = 60.0
