"""The socket by which systemd hears of a service."""

import socket
import tempfile
import threading
from pathlib import Path

MARK, END = b"", b"\0"


class Systemd:
    """Takes what services tell, at once: such a socket holds few datagrams, and those that find no room are lost."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory()  # pytest's paths are too long for a socket
        self.address = str(Path(self._folder.name) / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._told: list[str] = []
        self._marks = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._take, daemon=True)
        self._thread.start()

    def told(self) -> list[str]:
        """All lines so far."""
        self._send(MARK)
        self._marks.acquire()
        return list(self._told)

    def close(self) -> None:
        self._send(END)
        self._thread.join()
        self._socket.close()
        self._folder.cleanup()

    def _send(self, datagram: bytes) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.sendto(datagram, self.address)

    def _take(self) -> None:
        while (datagram := self._socket.recv(4_096)) != END:
            if datagram == MARK:
                self._marks.release()
            self._told += datagram.decode().splitlines()
