"""Alerts that go no further than this process: for development (``NOTIFIER_BACKEND``) and for tests.

An alert is checked, prepared and composed as ever, so what is wrong raises as ever. Its result is there at once.
"""

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from notifier.models import NotificationMessage
from notifier.settings import Settings
from notifier.storage.broker import client_app

Capture = Callable[[NotificationMessage], None]
"""Is given each alert; may be called by several threads at once."""
KEPT_MAX = 1_000
"""Ours: a process that is left running must not fill its memory; the oldest go."""

kept: deque[NotificationMessage] = deque(maxlen=KEPT_MAX)
"""What ``NOTIFIER_BACKEND=memory`` has taken in this process, oldest first."""
_drawing = threading.Lock()
_capturing: list[Capture] = []


def capture_of(settings: Settings) -> Capture | None:
    """What takes the alerts of this process instead of Redis; None: nothing does."""
    return _capturing[-1] if _capturing else BACKENDS.get(settings.backend)


@contextmanager
def capturing(capture: Capture) -> Iterator[None]:
    """Give it every alert of this process, whatever the settings say."""
    configuration = client_app().conf
    was_eager = configuration.task_always_eager
    _capturing.append(capture)
    run_here(configuration)
    try:
        yield
    finally:
        _capturing.remove(capture)
        configuration.task_always_eager = was_eager


def run_here(configuration: Any) -> None:
    """Let Celery run what several alerts are part of (a chain, a chord, chunks): it would send them to a broker."""
    configuration.task_always_eager = True


def _draw(message: NotificationMessage) -> None:
    from notifier.drawing import draw
    from notifier.render.batch import compose
    from notifier.render.split import parts_of

    with _drawing:
        sys.stderr.write(f"{message.alert_type} {message.id}\n")
        for part in parts_of(message):
            draw(compose([part]), sys.stderr)


BACKENDS: dict[str, Capture] = {"memory": kept.append, "console": _draw, "null": lambda _: None}
"""By the name that ``NOTIFIER_BACKEND`` has for it."""
