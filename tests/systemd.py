"""The socket by which systemd hears of a service."""

import socket
import tempfile
from pathlib import Path


class Systemd:
    """Takes what services tell."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()  # pytest's paths are too long for a socket
        self.address = str(Path(self._folder.name) / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.setblocking(False)
        self._told: list[str] = []

    def told(self) -> list[str]:
        """All lines so far."""
        while True:
            try:
                self._told += self._socket.recv(4_096).decode().splitlines()
            except BlockingIOError:
                return self._told

    def close(self) -> None:
        self._socket.close()
        self._folder.cleanup()
