"""The API on the wire: bytes in, bytes out, and connections that break on purpose."""

import asyncio
import logging
import socket
import struct
from typing import Any

from tornado.web import HTTPError, RequestHandler, stream_request_body

from notifier.sandbox.answer import Answer
from notifier.sandbox.body import REQUEST_BYTES
from notifier.sandbox.call import Call
from notifier.sandbox.exchange import Exchange, Reply
from notifier.sandbox.journal import without_tokens

log = logging.getLogger("notifier.sandbox")

SLOW_PARTS = 10
"""Pieces in which a slow body dribbles."""


@stream_request_body
class DiscordHandler(RequestHandler):
    """Any method and any path under /api: the API interprets them, not the web framework."""

    SUPPORTED_METHODS = ("GET", "HEAD", "POST", "DELETE", "PATCH", "PUT", "OPTIONS")

    def initialize(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._chunks: list[bytes] = []
        self._size = 0

    def prepare(self) -> None:
        self._started = self._exchange.clock()

    def data_received(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size <= REQUEST_BYTES:  # more is refused anyway, and need not be kept
            self._chunks.append(chunk)

    async def get(self, *_: Any) -> None:
        """Answer the request."""
        await self._respond()

    head = post = delete = patch = put = options = get

    def compute_etag(self) -> str | None:
        return None

    async def _respond(self) -> None:
        request = self.request
        call = Call(
            method=request.method or "",
            path=request.path,
            query=request.query,
            headers=request.headers,
            body=b"".join(self._chunks),
            size=self._size,
            address=request.remote_ip or "",
            base=f"{request.protocol}://{request.host}",
        )
        reply = await self._exchange.reply(call)
        # before the answer is sent, so that a client that has it finds it in the log
        self._exchange.record(call, reply, self._started)
        await self._send(reply)

    async def _send(self, reply: Reply) -> None:
        answer = reply.answer
        if answer is None:
            return self._break_off()
        self._write_head(answer)
        if reply.cut:
            self.set_header("Content-Length", str(len(answer.body) or 1))
            self.write(answer.body[: len(answer.body) // 2])
            await self.flush()
            return self._break_off()
        if reply.slow_seconds:
            await self._dribble(answer.body, reply.slow_seconds)
        elif answer.body:
            self.write(answer.body)
        self.finish()
        return None

    def _write_head(self, answer: Answer) -> None:
        self.clear()
        self.clear_header("Server")
        self.clear_header("Content-Type")
        self.set_status(answer.status)
        for name, text in answer.headers.items():
            self.set_header(name, text)
        if answer.status != 204:
            self.set_header("Content-Length", str(len(answer.body)))

    async def _dribble(self, body: bytes, seconds: float) -> None:
        step = len(body) // SLOW_PARTS + 1
        for start in range(0, len(body), step):
            self.write(body[start : start + step])
            await self.flush()
            await asyncio.sleep(seconds / SLOW_PARTS)

    def _break_off(self) -> None:
        stream = self.request.connection.detach() if self.request.connection else None  # type: ignore[attr-defined]
        if stream is not None and stream.socket is not None:
            # closing with data unsent and no lingering sends a reset, not an end of file
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            stream.close()
        self._finished = True

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish({"message": f"{status_code}: sandbox error", "code": 0})

    def log_exception(self, *args: Any) -> None:
        """Log nothing: Tornado would log the whole URL, which contains the token."""
        if not isinstance(args[1], HTTPError):
            log.error("failed: %s %s", self.request.method, without_tokens(self.request.path), exc_info=args)
