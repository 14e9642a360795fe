"""Django: put ``notifier.integrations.django`` into ``INSTALLED_APPS``.

Settings come from ``settings.NOTIFIER``; unhandled exceptions of requests raise alerts; ``manage.py check`` checks.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from notifier.integrations.django.admins import AdminNotificationHandler
    from notifier.integrations.django.commit import send_on_commit

__all__ = ["AdminNotificationHandler", "send_on_commit"]

_HOMES = {"AdminNotificationHandler": "admins", "send_on_commit": "commit"}


def __getattr__(name: str) -> Any:
    # Django imports this before its settings are complete, and logging asks for the handler then
    if home := _HOMES.get(name):
        return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
