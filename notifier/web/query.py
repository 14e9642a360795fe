"""What is asked for behind the ``?`` of an address."""

from collections.abc import Mapping
from datetime import datetime

from notifier.duration import moment_of
from notifier.errors import InvalidMessage
from notifier.models import AlertType


class Query:
    """Reads each name once; ``end`` refuses those that nobody has read.

    Raises (every method):
        InvalidMessage: a value is none of those that are expected; names it.
    """

    def __init__(self, given: Mapping[str, list[bytes]]) -> None:
        self._given = {name: values[-1].decode(errors="replace").strip() for name, values in given.items()}

    def text(self, name: str) -> str | None:
        """Any text; None: it is not given, or empty."""
        return self._given.pop(name, "") or None

    def choice(self, name: str, known: "list[str]") -> str | None:
        """One of these."""
        found = self.text(name)
        if found is not None and found not in known:
            raise InvalidMessage(f"{name}: expected one of {', '.join(known)}")
        return found

    def alert_type(self) -> AlertType | None:
        """``type``."""
        found = self.choice("type", [kind.value for kind in AlertType])
        return AlertType(found) if found else None

    def moment(self, name: str) -> datetime | None:
        """A point in time, or an age."""
        found = self.text(name)
        return moment_of(name, found) if found else None

    def limit(self, usual: int, most: int) -> int:
        """``limit``: from 1 to ``most``."""
        found = self.text("limit") or str(usual)
        if not (found.isascii() and found.isdigit() and 1 <= int(found[:9]) <= most):
            raise InvalidMessage(f"limit: expected a number from 1 to {most}")
        return int(found)

    def flag(self, name: str) -> bool:
        """1 or 0."""
        return self.choice(name, ["0", "1"]) == "1"

    def end(self) -> None:
        """Nothing else may be asked for."""
        if self._given:
            raise InvalidMessage(f"unknown: {', '.join(sorted(self._given))}"[:200])
