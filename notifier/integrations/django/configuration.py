"""``settings.NOTIFIER``: our variables, as Python values."""

from collections.abc import Mapping
from typing import Any

REQUESTS = "requests"
"""The one key that is no variable: the alert type of requests that fail; None: they raise no alerts."""


def variables_of(given: Mapping[str, Any]) -> dict[str, str]:
    """The variables that it sets, as texts. None sets nothing; a list is one text with commas."""
    return {name: _text(value) for name, value in given.items() if name != REQUESTS and value is not None}


def _text(value: object) -> str:
    if isinstance(value, list | tuple | set | frozenset):
        return ",".join(map(str, value))
    return str(value)
