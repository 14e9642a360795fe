"""The key of an incident: a text in which ``{title}``, ``{source}``, ``{fields.Host}`` and the like are fields."""

import re

from notifier.escaping import braceless
from notifier.given_incident import bounded_key
from notifier.models import NotificationMessage

NAMES = ("title", "message", "source", "url", "severity", "alert_type", "thread_name", "username")
_PLACE = re.compile(rf"\{{(?:({'|'.join(NAMES)})|fields\.([^{{}}]+))\}}")


def filled_key(message: NotificationMessage) -> str:
    """The key with the values of the fields; '' if these are all that it is, and are empty.

    A key that is filled stays as it is. What changes or ends an incident has a key in any case: its own text.
    """
    fields = {each.name: each.value for each in message.fields}

    def value(place: re.Match[str]) -> str:
        name, field = place.groups()
        found = fields.get(field, "") if field else getattr(message, name)
        return braceless(str(found or ""))

    given = message.dedup_key or ""
    filled = _PLACE.sub(value, given).strip()
    return bounded_key(filled or (given if message.update or message.resolved else ""))
