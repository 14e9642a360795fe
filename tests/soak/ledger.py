"""What callers have raised: a line before each call and one behind it, so that a killed caller leaves the truth."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from tests.soak.load import Alert


@dataclass(frozen=True, slots=True)
class Entry:
    """One call. ``accepted``: it returned; ``seconds``: after so long."""

    id: str
    kind: str
    alert_type: str
    callback: str
    accepted: bool = False
    seconds: float = 0.0
    error: str = ""


class Ledger:
    """The file of one caller. A line is in it as a whole when the method returns, whatever becomes of the process."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def begun(self, alert: Alert) -> None:
        """The call is about to be made."""
        self._write([alert.id, alert.kind, alert.alert_type, alert.callback])

    def ended(self, alert: Alert, seconds: float, error: str = "") -> None:
        """The call has returned, or raised ``error``."""
        self._write([alert.id, seconds, error])

    def _write(self, row: list[str | float]) -> None:
        os.write(self._file, json.dumps(row).encode() + b"\n")


def read(paths: Iterable[Path]) -> dict[str, Entry]:
    """All calls of all callers, by the id of their alert."""
    entries: dict[str, Entry] = {}
    for path in paths:
        for line in path.read_text().splitlines():
            row = json.loads(line)
            if len(row) == 4:
                entries[row[0]] = Entry(*row)
            else:
                alert_id, seconds, error = row
                entries[alert_id] = replace(entries[alert_id], accepted=not error, seconds=seconds, error=error)
    return entries
