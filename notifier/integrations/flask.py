"""Flask: ``Notifier(app)``."""

from collections.abc import Iterable
from typing import Any

from flask import Flask, g, got_request_exception, request

from notifier.integrations.failed_request import FailedRequest, FailedRequests


class Notifier:
    """An extension that raises an alert of each exception of a request that no handler of the application takes.

    Args:
        app: the application; None: ``init_app`` says it later.
        type: the alert type.
        ignore: classes of exceptions that are no alerts.
        fold_seconds: as for ``FailedRequests``.

    Raises:
        InvalidMessage: there is no such alert type.
    """

    def __init__(
        self,
        app: Flask | None = None,
        type: str = "error",
        ignore: Iterable[type[BaseException]] = (),
        fold_seconds: float | None = None,
    ) -> None:
        self._requests = FailedRequests(type, ignore, fold_seconds)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Begin for an application."""
        app.extensions["notifier"] = self  # Flask's signals hold their receivers weakly
        got_request_exception.connect(self._on_exception, app)

    def _on_exception(self, sender: Flask, exception: BaseException, **_: Any) -> None:
        self._requests.tell(_request(), exception, source=sender.name)


def _request() -> FailedRequest:
    return FailedRequest(
        what=request.method,
        route=request.url_rule.rule if request.url_rule else "",
        path=request.path,
        query=request.query_string.decode("latin-1"),
        user=_user(),
    )


def _user() -> str:
    """Of Flask-Login, if it has looked."""
    try:
        user = g.get("_login_user")
        return str(user.get_id() or "") if user is not None else ""
    except Exception:  # of the host's own class
        return ""
