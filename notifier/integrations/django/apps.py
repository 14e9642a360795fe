"""What Django loads at its start."""

import sys
from typing import Any

from django.apps import AppConfig
from django.conf import settings as django_settings
from django.core import checks
from django.core.signals import got_request_exception
from django.http import UnreadablePostError

from notifier.integrations.django.configuration import REQUESTS, variables_of
from notifier.integrations.django.request import request_of
from notifier.integrations.failed_request import FailedRequests

DEFAULT_TYPE = "error"
GONE = (UnreadablePostError,)
"""The client has gone while it sent: nothing has failed here."""


class NotifierConfig(AppConfig):
    """The application ``notifier``."""

    name = "notifier.integrations.django"
    label = "notifier"
    verbose_name = "Notifier"

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        # before the modules of any application are imported: one of them may import ours, which reads the settings
        from notifier.environment import give

        give(variables_of(getattr(django_settings, "NOTIFIER", {})))

    def ready(self) -> None:
        """Begin."""
        from notifier.integrations.django.configuration_check import check_configuration

        checks.register(check_configuration)
        given = getattr(django_settings, "NOTIFIER", {})
        if (kind := given.get(REQUESTS, DEFAULT_TYPE)) is not None:
            self._requests = FailedRequests(kind, GONE, source=_project())
            got_request_exception.connect(self._on_exception, dispatch_uid="notifier")

    def _on_exception(self, request: Any = None, **_: Any) -> None:
        if (error := sys.exc_info()[1]) is not None:
            self._requests.tell(request_of(request), error)


def _project() -> str | None:
    name = str(getattr(django_settings, "ROOT_URLCONF", "") or "").partition(".")[0]
    return name or None
