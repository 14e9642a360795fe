"""A log file that several processes write to, and that any of them rotates, without losing a line.

No process waits for another one: with a lock around each line, a worker that is frozen would hold up the deliveries of
all that share its folder.
"""

import fcntl
import logging
import os
import stat
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

MODE = 0o600
"""A log names hosts, types and reasons: it is its owner's alone."""
MAX_BYTES = 10_000_000
FILES_KEPT = 3


class SharedLogFile(logging.Handler):
    """Appends each record by one write, and rotates the file when it is full: ``file.1`` is the newest old one.

    Args:
        path: its folder is made if it is not there.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES, files_kept: int = FILES_KEPT) -> None:
        super().__init__()
        self._path = path.absolute()
        self._name = str(self._path)
        self._max_bytes = max_bytes
        self._old = [self._path.with_name(f"{path.name}.{number}") for number in range(1, files_kept + 1)]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        for each in self._old:  # those of an earlier version were for all to read
            with suppress(OSError):
                each.chmod(MODE)
        self._file = self._open()

    def emit(self, record: logging.LogRecord) -> None:
        """Append it; what fails is told as ``logging`` tells it."""
        try:
            line = f"{self.format(record)}\n".encode(errors="backslashreplace")
            self._make_room(len(line))
            while line:  # the system may take a part only if the disk is nearly full
                line = line[os.write(self._file, line) :]
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Close it."""
        self.acquire()
        try:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1
        finally:
            self.release()
        super().close()

    def _open(self) -> int:
        file = os.open(self._name, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
        self._opened = os.fstat(file)
        if stat.S_ISREG(self._opened.st_mode):
            with suppress(OSError):  # another user's
                os.fchmod(file, MODE)
        return file

    def _found(self) -> os.stat_result | None:
        """The open file, if it is the one at the path: another process may have rotated it."""
        try:
            found = os.stat(self._name)
        except FileNotFoundError:  # rotated a moment ago
            return None
        return found if os.path.samestat(found, self._opened) else None

    def _follow(self) -> os.stat_result:
        if (found := self._found()) is None:
            before, self._file = self._file, self._open()
            os.close(before)
            found = self._opened
        return found

    def _make_room(self, more_bytes: int) -> None:
        found = self._follow()
        if stat.S_ISREG(found.st_mode) and 0 < found.st_size > self._max_bytes - more_bytes:
            self._rotate()
            self._follow()

    def _rotate(self) -> None:
        """Move the files on, unless another process has done it, or is at it: until then this one is appended to."""
        lock = os.open(self._path.with_name(f".{self._path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if self._found() is not None:
                for younger, older in reversed(list(pairwise((self._path, *self._old)))):
                    with suppress(FileNotFoundError):
                        os.replace(younger, older)
        except BlockingIOError:
            pass
        finally:
            os.close(lock)
