"""What an alert says of a web request that ended in an exception."""

import atexit
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from notifier.integrations.folded_alerts import FoldedAlerts, shown, tell
from notifier.texts import text_of

VALUE_CHARACTERS = 200
"""Ours: of a path, and of a query."""
QUERY_CHARACTERS = 10_000
"""Ours: of a query, as far as it is read."""


@dataclass(frozen=True, slots=True)
class FailedRequest:
    """A request.

    Args:
        what: the method, or what else the host was about to do.
        route: the pattern that its path has matched; the path, if it is not known.
        user: the id of whoever is logged in.
    """

    what: str
    route: str
    path: str = ""
    query: str = ""
    user: str = ""

    @property
    def name(self) -> str:
        """What equal ones have in common."""
        return f"{self.what} {self.route or self.path}".strip()

    def details(self) -> dict[str, str]:
        """What else is known of it, without secrets."""
        values = {
            "path": shown(self.path, VALUE_CHARACTERS) if self.path != self.route else "",
            "query": _query(self.query),
            "user": self.user,
        }
        return {name: value for name, value in values.items() if value}


class FailedRequests:
    """Raises the alerts of a host's requests, until the process ends.

    Args:
        type: the alert type.
        ignore: classes of exceptions that are no alerts.
        fold_seconds: failures of one route with one kind of exception share a message, until there was none for so
            long; None: DISCORD_DEDUP_SECONDS; 0: each is an alert of its own.
        source: what the alerts name as their source.

    Raises:
        InvalidMessage: there is no such alert type.
    """

    def __init__(
        self,
        type: str = "error",
        ignore: "Iterable[type[BaseException]]" = (),
        fold_seconds: float | None = None,
        source: str | None = None,
    ) -> None:
        self._alerts, self._ignored, self._source = FoldedAlerts(type, fold_seconds), tuple(ignore), source
        atexit.register(self._alerts.tell_rest)

    def tell(self, request: FailedRequest, error: BaseException, source: str | None = None) -> None:
        """Raise an alert, or count it. Raises nothing."""
        tell(error)  # what is ignored as well: its framework logs it
        if isinstance(error, self._ignored):
            return
        source = source or self._source
        key = "/".join(filter(None, ("request", source, f"{request.name}/{type(error).__name__}")))
        self._alerts.raise_one(key, lambda: _fields(request, error, source))


def _fields(request: FailedRequest, error: BaseException, source: str | None) -> dict[str, Any]:
    return {
        "title": f"{shown(request.name, VALUE_CHARACTERS)} failed: {shown(text_of(error), VALUE_CHARACTERS)}",
        "plain": ("title",),
        "traceback": error,
        "source": source,
        "fields": [
            {"name": name.capitalize(), "value": value, "inline": True, "markdown": False}
            for name, value in request.details().items()
        ],
    }


def _query(text: str) -> str:
    """Its names and values; those of secrets are masked by their names, as in any alert."""
    from notifier.outbox.preparation import prepare_given
    from notifier.settings import settings

    pairs = parse_qsl(text[:QUERY_CHARACTERS], keep_blank_values=True)
    masked = [prepare_given({name: value}, settings()) for name, value in pairs]
    return shown(" ".join(f"{name}={value}" for each in masked for name, value in each.items()), VALUE_CHARACTERS)
