"""Alerts instead of mails to ``settings.ADMINS``."""

import copy
import logging
from typing import Any

from notifier.integrations.django.request import request_of
from notifier.integrations.log_handler import DiscordHandler


class AdminNotificationHandler(DiscordHandler):
    """In place of ``django.utils.log.AdminEmailHandler``, in ``settings.LOGGING``.

    As ``notifier.logging.DiscordHandler``, which knows requests: their method, path and user are fields. A request
    that failed, and of which an alert is raised already, raises none again. ``include_html``, ``email_backend`` and
    ``reporter_class`` are taken and mean nothing here.
    """

    def __init__(
        self,
        include_html: bool = False,
        email_backend: str | None = None,
        reporter_class: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(**more)

    def emit(self, record: logging.LogRecord) -> None:
        """As ``DiscordHandler.emit``; of a request the text would be its whole address, with what is secret in it."""
        if record.name == "django.server":  # runserver's line of each request: what fails is in django.request
            return
        request = getattr(record, "request", None)
        if hasattr(request, "META"):
            record = copy.copy(record)
            found = request_of(request)
            vars(record).update({"request": found.name, **found.details()})
        super().emit(record)
