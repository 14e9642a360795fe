"""How a task ends that raises ``Ignore``, as each delivery task does: without copies of the frames it came through.

Celery makes two of each, for a traceback that nobody shows. Its own long function alone is thousands of objects then,
which takes a hundred times as long as the rest of its work. And they hold the exception, which holds the frame that
holds them, so that they stay until a collection of all.
"""

import sys
from typing import Any

from billiard import einfo
from celery.app import trace
from celery.exceptions import Ignore

_trace: Any = trace  # the published types know little of them
_ExceptionInfo: Any = einfo.ExceptionInfo


class BriefExceptionInfo(_ExceptionInfo):  # type: ignore[misc]
    """Celery's; that of an ``Ignore`` has no traceback."""

    def __init__(self, exc_info: Any = None, internal: bool = False) -> None:
        error = sys.exc_info()[1]
        if exc_info is not None or not isinstance(error, Ignore):
            super().__init__(exc_info, internal)
            return
        error.__traceback__ = None
        self.type, self.exception, self.traceback, self.internal = type(error), error, "", internal


def keep_no_frames() -> None:
    """For all tasks of this process, and of those that it forks."""
    _trace.ExceptionInfo = BriefExceptionInfo
