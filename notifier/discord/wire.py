"""The connection under the client: one deadline for a whole answer, no retries, and failures before and after sending.

A socket's timeout bounds each read, and a peer that sends a byte now and then would hold a thread for ever.
"""

import http.client
import io
import socket
import ssl
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.poolmanager import ProxyManager
from urllib3.response import HTTPResponse


class _Timed(io.RawIOBase):
    """What a socket receives until as much time has passed as its timeout says."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        seconds = sock.gettimeout()
        self._deadline = time.monotonic() + (float("inf") if seconds is None else seconds)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if left != float("inf"):
            self._sock.settimeout(left)
        received: int | None = self._raw.readinto(buffer)
        return received

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimedAnswer(http.client.HTTPResponse):
    """Reads status, headers and body by one deadline."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Timed(self.fp.detach(), sock))


class _Connection(HTTPConnection):
    response_class = _TimedAnswer


class _TlsConnection(HTTPSConnection):
    response_class = _TimedAnswer

    def connect(self) -> None:
        # from urllib3 a failed handshake would look like a lost answer
        try:
            super().connect()
        except TimeoutError:
            raise ConnectTimeoutError(self, "handshake timed out") from None
        except ConnectionError as error:
            raise NewConnectionError(self, type(error).__name__) from None

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        # and a TLS error in the answer to a request, which may have been carried out, like a bad certificate
        try:
            return super().getresponse()
        except ssl.SSLError as error:
            raise ConnectionAbortedError(type(error).__name__) from None


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


_POOLS = {"http": _Pool, "https": _TlsPool}


class OneShotAdapter(HTTPAdapter):
    """Sends each request once; whether to try again is the outbox's decision."""

    def __init__(self) -> None:
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As in ``requests``, with connections of this module's kind."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """As in ``requests``, with connections of this module's kind."""
        manager = super().proxy_manager_for(*args, **kwargs)
        if isinstance(manager, ProxyManager):  # a SOCKS proxy needs connections of its own kind
            manager.pool_classes_by_scheme = _POOLS
        return manager
