"""The Celery side: one task per alert type, and the sweep.

``from notifier import send_notification`` works everywhere. ``from tasks import send_notification`` works in a
checkout and in the image: a wheel installs no top-level ``tasks``: that name is the host's.
"""

from notifier.collection import collection_paused

with collection_paused():
    from .celery import app
    from .notifications import send_notification

__all__ = ["app", "send_notification"]
