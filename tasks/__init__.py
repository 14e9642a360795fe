"""The Celery side: one task per alert type, and what keeps them moving."""

from tasks.notifications import send_notification

__all__ = ["send_notification"]
