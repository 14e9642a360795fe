"""The spool of this machine: how much waits in it, and whether it could take more."""

import os
from dataclasses import dataclass
from pathlib import Path

from notifier.errors import NotifierError
from notifier.producer.spool import FILE, Spool


@dataclass(frozen=True, slots=True)
class SpoolState:
    """``bytes``: of its file. ``problem``: why it takes nothing, in words; None if it would."""

    folder: str
    count: int = 0
    bytes: int = 0
    problem: str | None = None


def spool_state(spool: Spool, folder: Path) -> SpoolState:
    """Look at it; nothing is written."""
    at = folder
    while not at.exists() and at != at.parent:  # it is made when it is first needed
        at = at.parent
    if not at.is_dir() or not os.access(at, os.W_OK | os.X_OK):
        return SpoolState(str(folder), problem=f"NOTIFIER_SPOOL_DIR: this user may not write to {at}")
    try:
        count = spool.count(readable=False)
    except NotifierError as error:
        return SpoolState(str(folder), problem=str(error))
    file = folder / FILE
    return SpoolState(str(folder), count, file.stat().st_size if file.exists() else 0)
