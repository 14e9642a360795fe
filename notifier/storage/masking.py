"""Keeps the passwords of Redis and of a broker out of what a worker tells of its settings.

Celery masks ``broker_url`` and the first address of ``result_backend``, and none of the other addresses: those of
further sentinels, of a unix socket in ``inspect stats``, of ``broker_read_url``; nor the sentinels' own password there.
"""

import re
from collections.abc import Mapping
from typing import Any

MASK = "********"
"""As Celery writes it."""
_LOGIN = re.compile(r"://([^/?#\s:@]*):[^/?#\s]*@")
"""The login of any URL in a text; the password ends at the last ``@`` before the path."""
_IN_QUERY = re.compile(r"(?i)([?&;][\w-]*(?:passw|token|secret)[\w-]*=)[^&\s]*")
_NAME = re.compile(r"(?i)passw|token|secret")


def masked(value: Any) -> Any:
    """The same, with each password in it replaced: in URLs, and where a key names one."""
    if isinstance(value, str):
        return _IN_QUERY.sub(rf"\1{MASK}", _LOGIN.sub(rf"://\1:{MASK}@", value))
    if isinstance(value, Mapping):
        return {key: MASK if each and _names_a_secret(key) else masked(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [masked(each) for each in value]
    return value


def _names_a_secret(key: object) -> bool:
    return isinstance(key, str) and _NAME.search(key) is not None
