"""The key of an incident: a text in which ``{title}``, ``{source}``, ``{fields.Host}`` and the like are fields."""

import re

from notifier.escaping import braceless
from notifier.models import NotificationMessage

NAMES = ("title", "message", "source", "url", "severity", "alert_type", "thread_name", "username")
_PLACE = re.compile(rf"\{{(?:({'|'.join(NAMES)})|fields\.([^{{}}]+))\}}")


def filled_key(message: NotificationMessage) -> str:
    """The key with the values of the fields. A key that is filled stays as it is."""
    fields = {each.name: each.value for each in message.fields}

    def value(place: re.Match[str]) -> str:
        name, field = place.groups()
        found = fields.get(field, "") if field else getattr(message, name)
        return braceless(str(found or ""))

    return _PLACE.sub(value, message.dedup_key or "")
