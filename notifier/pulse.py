"""The pulse of a worker: a file on its machine that says, every two seconds, whether it moves and can deliver.

Redis is not asked: while it is away, a worker waits for it, and nothing is won if somebody restarts that worker.
"""

import json
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

PULSE_SECONDS = 2
"""Ours: how often a worker writes it."""
STALE_SECONDS = 30
"""Ours: a file that is older is of a worker that stands still."""
NAME = "worker-*.json"


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a worker says of itself.

    ``worker``: Celery's name of it. ``types``: the alert types whose queues it consumes. ``stuck``: what of it stands
    still, ``unready``: why it delivers nothing now; both in words, empty if all is well.
    """

    worker: str
    pid: int
    types: tuple[str, ...] = ()
    stuck: str = ""
    unready: str = ""


def pulse_folder(given: str | os.PathLike[str] | None) -> Path:
    """Where the files are. ``given``: ``NOTIFIER_RUN_DIR``, if it is set."""
    return Path(given) if given else Path(tempfile.gettempdir()) / f"notifier-{os.geteuid()}"


class PulseFile:
    """The file of this process.

    Raises:
        OSError: the folder cannot be made, or another user may write to it.
    """

    def __init__(self, folder: Path, worker: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.lstat()
        # the default folder's name can be guessed: whoever made it first could say that a dead worker lives
        if folder.is_symlink() or found.st_uid not in (os.geteuid(), 0) or found.st_mode & 0o002:
            raise PermissionError(f"{folder} can be changed by other users")
        for path, pulse in _all(folder):
            if not _runs(pulse.pid):
                path.unlink(missing_ok=True)
        self._path = folder / NAME.replace("*", re.sub(r"[^\w.@-]", "_", worker) + f".{os.getpid()}")

    def write(self, pulse: Pulse) -> None:
        """Replace it. Raises OSError."""
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(asdict(pulse)), encoding="utf-8")
        new.replace(self._path)

    def remove(self) -> None:
        """The worker ends."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)


def read_pulses(folder: Path) -> list[Pulse]:
    """Those of the workers whose processes are there; one that stands still says so in ``stuck``."""
    return sorted(
        (_aged(path, pulse) for path, pulse in _all(folder) if _runs(pulse.pid)), key=lambda each: each.worker
    )


def _all(folder: Path) -> Iterator[tuple[Path, Pulse]]:
    for path in folder.glob(NAME):
        with suppress(OSError, ValueError, TypeError):  # gone meanwhile, or of another version
            told = json.loads(path.read_text(encoding="utf-8"))
            known = {name: told[name] for name in Pulse.__slots__ if name in told}
            yield path, Pulse(**{**known, "types": tuple(known.get("types", ()))})


def _aged(path: Path, pulse: Pulse) -> Pulse:
    with suppress(FileNotFoundError):
        age = time.time() - path.stat().st_mtime
        if abs(age) > STALE_SECONDS:  # the clock may have been set back
            return Pulse(pulse.worker, pulse.pid, pulse.types, f"it stands still for {age:.0f} s")
    return pulse


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # of another user
        return True
    return not _has_ended(pid)


def _has_ended(pid: int) -> bool:
    """Whether it is there only because its parent has not asked how it ended; a container's first process may never."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:  # there is no /proc, or it is gone by now
        return False
    return told.rpartition(")")[2].split()[:1] == ["Z"]
