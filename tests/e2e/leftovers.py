"""Which processes belong to a folder: by the folder they run in, or by their command line."""

import time
from pathlib import Path

import psutil


def processes_of(folder: Path) -> list[str]:
    """The command lines of living processes that run in a folder or name it."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            command = " ".join(process.cmdline())
            if str(folder) in command or str(folder) in process.cwd():
                found.append(command)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def wait_until_none(folder: Path, timeout_seconds: float = 40) -> list[str]:
    """Wait until all have ended; return those that still run when the time is over."""
    deadline = time.monotonic() + timeout_seconds
    while (left := processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left
