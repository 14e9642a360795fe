"""How a worker takes the message of a delivery task. Only a worker imports this."""

from typing import Any

from celery.worker.request import Request
from celery.worker.state import revoked as revoked_tasks

from notifier.outbox.preparation import prepare_given
from notifier.outbox.terms import REVOKED_HEADER, TERMS_HEADER

from .celery import pipeline

TERMS = ("eta", "expires")


class DeliveryRequest(Request):
    """A delivery task that has arrived. It runs at once: when its alert may go is for the outbox to decide.

    Celery would hold the message in this worker's memory until its ``eta``, and drop it once it ``expires`` or is
    revoked, while any other delivery task of the type carries the alert.
    """

    def __init__(self, message: Any, *, headers: dict[str, Any] | None = None, **given: Any) -> None:
        headers = dict(message.headers if headers is None else headers)
        terms = headers.get(TERMS_HEADER)
        if isinstance(terms, dict):  # sent again by a worker: its eta is when it does so
            headers[TERMS_HEADER] = {name: terms.get(name) for name in TERMS}
        elif not headers.get("retries"):
            headers[TERMS_HEADER] = {name: headers.get(name) for name in TERMS}
            headers["eta"] = None
        headers["expires"] = None
        for name in ("argsrepr", "kwargsrepr"):  # what the caller's Celery shows of an alert that it sent by name
            headers[name] = prepare_given(str(headers.get(name) or ""), pipeline.settings)
        super().__init__(message, headers=headers, **given)

    def revoked(self) -> bool:
        """Never: an alert is withdrawn from its outbox. One that was revoked before it came is marked."""
        if self.id in revoked_tasks:
            self.request_dict[REVOKED_HEADER] = True
        return False

    def terminate(self, pool: Any, signal: Any = None) -> None:
        """Nothing: the request under way may carry other alerts as well."""
