"""The HTTP connection: one deadline for a whole answer, no retries, failures before and after sending told apart.

A socket's timeout applies to each read, so a peer that sends a byte now and then could hold a thread for ever.
"""

import http.client
import io
import socket
import ssl
import time
from collections.abc import Hashable
from typing import Any
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError
from urllib3.poolmanager import ProxyManager
from urllib3.response import HTTPResponse

from notifier.discord.redaction import redact


class _Timed(io.RawIOBase):
    """Reads from a socket until its timeout, counted from the first read, has passed."""

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


class _Discreet(http.client.HTTPConnection):
    """Names no token to whoever has patched ``putrequest`` to see what is asked for, as the SDK of Sentry has."""

    _asked = _shown = ""

    def putrequest(self, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        """As in ``http.client``, which makes the line of the request from what it is given here."""
        hides = hasattr(http.client.HTTPConnection, "_encode_request")  # else nothing puts the token back
        self._asked, self._shown = url, redact(url) if hides else url
        super().putrequest(method, self._shown, *args, **kwargs)

    def _encode_request(self, request: str) -> bytes:
        whole: bytes = super()._encode_request(request.replace(self._shown, self._asked, 1))  # type: ignore[misc]
        return whole


class _Connection(_Discreet, HTTPConnection):
    response_class = _TimedAnswer


class _TlsConnection(_Discreet, HTTPSConnection):
    response_class = _TimedAnswer

    def connect(self) -> None:
        # urllib3 would report a failed handshake as a lost answer
        try:
            super().connect()
        except TimeoutError:
            raise ConnectTimeoutError(self, "handshake timed out") from None
        except ConnectionError as error:
            raise NewConnectionError(self, type(error).__name__) from None

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        # urllib3 would report a TLS error in an answer as a bad certificate, but the request may have been carried out
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
        self._pools: dict[Hashable, Any] = {}

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        """As in ``requests``, which looks for certificates on the disk each time."""
        place = urlsplit(request.url)[:2], verify, tuple((proxies or {}).items()), cert
        if (found := self._pools.get(place)) is None:
            found = self._pools[place] = super().get_connection_with_tls_context(request, verify, proxies, cert)
        return found

    def close(self) -> None:
        """As in ``requests``: the connections end."""
        self._pools.clear()
        super().close()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As in ``requests``, with connections of this module's kind."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """As in ``requests``, with connections of this module's kind."""
        manager = super().proxy_manager_for(*args, **kwargs)
        if isinstance(manager, ProxyManager):  # a SOCKS proxy needs its own class of connections
            manager.pool_classes_by_scheme = _POOLS
        return manager
