"""The message that a task was given: a ``NotificationMessage``, or its fields."""

from typing import Any

from notifier.errors import InvalidMessage
from notifier.models import AlertType, NotificationMessage


def message_of(alert_type: AlertType, message: object, fields: dict[str, Any]) -> NotificationMessage:
    """The message of one alert of this type.

    Raises:
        InvalidMessage: names the field.
    """
    if isinstance(message, NotificationMessage):
        if fields.keys() - {"id"}:
            raise InvalidMessage("give a NotificationMessage or its fields, not both")
        chosen = message
    elif message is not None:
        raise InvalidMessage(f"expected a NotificationMessage, not {type(message).__name__}")
    else:
        chosen = NotificationMessage(**{"alert_type": alert_type, **fields})
    if chosen.alert_type is not alert_type:
        raise InvalidMessage(f"alert_type: this task sends {alert_type} alerts, not {chosen.alert_type}")
    return chosen
