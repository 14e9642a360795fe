"""What the result of an alert can do besides Celery's: change, and end, the incident that it belongs to."""

from collections.abc import Callable
from typing import Any

from notifier.errors import InvalidMessage


class Raised:
    """Mixed into the results of alerts. ``change``: raises an update or a resolution of its incident, if it has one."""

    change: Callable[..., Any] | None = None

    def update(self, **fields: Any) -> Any:
        """Change the message of its incident, as ``send_notification.update``; returns the result of the update.

        Raises:
            InvalidMessage: the alert was raised without a ``dedup_key``, or by another process.
        """
        return self._raise("update", fields)

    def resolve(self, **fields: Any) -> Any:
        """End its incident, as ``send_notification.resolve``. Raises: as ``update``."""
        return self._raise("resolve", fields)

    def ack(self, *, by: str, why: str = "", **fields: Any) -> Any:
        """Say who takes care of its incident, as ``send_notification.ack``. Raises: as ``update``."""
        return self._raise("ack", {**fields, "acknowledged_by": somebody(by), "acknowledged_why": why})

    def _raise(self, what: str, fields: dict[str, Any]) -> Any:
        if self.change is None:
            raise InvalidMessage(
                f"dedup_key: this process has raised the alert without one; send_notification.{what}(key, …) names it"
            )
        return self.change(**{"update": what == "update", "resolved": what == "resolve", **fields})


def somebody(by: object) -> str:
    """Who takes care of an incident, as text. Raises InvalidMessage: it names nobody."""
    name = str(by or "").strip()
    if not name:
        raise InvalidMessage("by: expected who takes care of it")
    return name
