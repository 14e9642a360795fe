"""Wakes a thread that waits for what it polls."""

import socket
from contextlib import suppress


class Bell:
    """Wakes the thread that polls it."""

    def __init__(self) -> None:
        self.polled, self._other_end = socket.socketpair()
        self.polled.setblocking(False)
        self._other_end.setblocking(False)

    def ring(self) -> None:
        """Wake it; from any thread."""
        with suppress(BlockingIOError):  # full: it has been rung often enough
            self._other_end.send(b".")

    def hush(self) -> None:
        """Forget that it was rung."""
        with suppress(BlockingIOError):
            self.polled.recv(4096)

    def close(self) -> None:
        """Free both ends."""
        self.polled.close()
        self._other_end.close()
