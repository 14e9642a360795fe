"""The intake's connections, byte by byte: what is broken, slow or without an end holds up nobody, and is bounded."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from notifier import bounded_server
from notifier.intake import reception, server
from notifier.intake.server import BODY_BYTES_MAX, DISCARDED_BYTES_MAX, Server
from notifier.intake.tokens import Tokens
from notifier.testing import Alerts

TOKEN = "fake-token-of-the-intake-1"
Talk = Callable[[Server, asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


def talk(said: Talk) -> None:
    """A connection whose bytes are the test's own."""

    async def run() -> None:
        intake = Server("127.0.0.1", 0, Tokens([TOKEN], 100))
        reader, writer = await asyncio.open_connection("127.0.0.1", intake.port)
        async with asyncio.timeout(20):
            await said(intake, reader, writer)
        writer.close()
        await intake.close()

    asyncio.run(run())


def head(token: str = TOKEN, *lines: str) -> bytes:
    """The head of a request."""
    return "\r\n".join(["POST /alerts HTTP/1.1", "Host: x", f"Authorization: Bearer {token}", *lines, "", ""]).encode()


async def status(reader: asyncio.StreamReader) -> int:
    """Of the answer."""
    return int((await reader.readline()).split()[1])


@pytest.mark.parametrize(("token", "code"), [("wrong", 401), (TOKEN, 413)])
def test_who_may_not_send_a_body_is_told_before_it_comes(token: str, code: int) -> None:
    async def said(_: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head(token, f"Content-Length: {DISCARDED_BYTES_MAX + 1}"))
        assert await status(reader) == code

    talk(said)


def test_a_body_in_chunks_is_bounded_too(alerts: Alerts) -> None:
    async def said(_: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head(TOKEN, "Transfer-Encoding: chunked"))
        body = b'{"title": "T"}' + b" " * BODY_BYTES_MAX
        writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        assert await status(reader) == 413

    talk(said)
    alerts.assert_none_sent()


def test_a_body_without_an_end_is_bounded(alerts: Alerts) -> None:
    async def said(_: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head(TOKEN, "Transfer-Encoding: chunked"))
        with contextlib.suppress(OSError):
            for _ in range(DISCARDED_BYTES_MAX // 2**20 + 2):
                writer.write(b"%x\r\n%b\r\n" % (2**20, b" " * 2**20))
                await writer.drain()
        with contextlib.suppress(OSError):
            assert b" 202 " not in await reader.read()

    talk(said)
    alerts.assert_none_sent()


@pytest.mark.parametrize(
    "begun",
    [
        b"POST /alerts HTTP/1.1\r\nHost: x\r\n",
        head(TOKEN, "Content-Length: 100") + b"{",
        head(TOKEN, "X: " + "x" * 40_000, "Content-Length: 14") + b'{"title": "T"}',
    ],
)
def test_who_sends_too_slowly_or_too_many_headers_is_cut_off_and_holds_nobody_up(
    begun: bytes, monkeypatch: pytest.MonkeyPatch, alerts: Alerts
) -> None:
    monkeypatch.setattr(server, "HEADER_SECONDS", 0.3)
    monkeypatch.setattr(server, "BODY_SECONDS", 0.3)

    async def said(intake: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        body, code = b'{"title": "T"}', 0
        for _ in range(3):  # this process may stand still for as long as anybody may take
            others, sender = await asyncio.open_connection("127.0.0.1", intake.port)
            sender.write(head(TOKEN, f"Content-Length: {len(body)}") + body)
            with contextlib.suppress(OSError, IndexError):
                code = await status(others)
            sender.close()
            if code:
                break
        assert code == 202
        with contextlib.suppress(OSError):
            assert b" 202 " not in await reader.read()

    talk(said)
    alerts.assert_sent(count=1)


def test_a_slow_redis_blocks_no_other_request_and_a_stop_waits_for_what_is_in_hand(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began, released = threading.Event(), threading.Event()
    monkeypatch.setattr(server, "IN_HAND_MAX", 1)
    monkeypatch.setattr(reception, "submit", lambda _: began.set() or released.wait(20))

    async def said(intake: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = b'{"title": "T"}'
        whole = head(TOKEN, f"Content-Length: {len(body)}") + body
        writer.write(whole)
        await asyncio.to_thread(began.wait, 20)
        others, sender = await asyncio.open_connection("127.0.0.1", intake.port)
        sender.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await status(others) == 200
        sender.write(whole)
        await others.readuntil(b'{"status": "ok"}')
        assert await status(others) == 503, "so many are in hand"
        sender.close()
        closing = asyncio.create_task(intake.close())
        await asyncio.sleep(0)
        released.set()
        assert await status(reader) == 202
        await closing

    talk(said)


def test_connections_are_bounded_and_that_is_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(bounded_server, "CONNECTIONS_MAX", 2)

    async def said(intake: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        health = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
        writer.write(health)
        assert await status(reader) == 200
        second = await asyncio.open_connection("127.0.0.1", intake.port)
        for _ in range(3):
            refused, closed = await asyncio.open_connection("127.0.0.1", intake.port)
            assert await refused.read() == b""
            closed.close()
        second[1].write(health)
        assert await status(second[0]) == 200
        second[1].close()
        code = 0
        while code != 200:  # the server has to see that it is closed
            again, writer_again = await asyncio.open_connection("127.0.0.1", intake.port)
            writer_again.write(health)
            with contextlib.suppress(OSError, IndexError):
                code = await status(again)
            writer_again.close()

    talk(said)
    assert caplog.text.count("more than 2 connections") == 1


@pytest.mark.parametrize(
    "broken",
    [
        f"POST /{TOKEN}/alerts HTTP/9\r\n\r\n".encode(),
        f"POST /{TOKEN}/alerts\r\n\r\n".encode(),
        f"POST /{TOKEN}/ale rts HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        head(TOKEN, f"{TOKEN} without a colon"),
        head(f"{TOKEN}\x00"),
        head(TOKEN, f"Content-Length: {TOKEN}"),
        head(TOKEN, f"Content-Type: multipart/form-data; {TOKEN}", "Content-Length: 1") + b"x",
        head(TOKEN, f"Transfer-Encoding: {TOKEN}"),
        head(TOKEN, "Host: y", "Host: z"),
        head(TOKEN, "Transfer-Encoding: chunked") + f"{TOKEN}\r\n".encode(),
        f"POST /api/webhooks/1/{TOKEN}?type=%ff&thread_id=%ff HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
        f"PATCH /api/webhooks/1/{TOKEN} HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    ],
)
def test_a_broken_request_is_refused_and_no_log_has_the_token_of_it(
    broken: bytes, caplog: pytest.LogCaptureFixture, alerts: Alerts
) -> None:
    caplog.set_level(logging.DEBUG)

    async def said(_: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(broken)
        writer.write_eof()
        answer = await reader.read()
        assert TOKEN.encode() not in answer
        assert not answer or int(answer.split()[1]) in range(400, 500)

    talk(said)
    assert TOKEN not in caplog.text
    alerts.assert_none_sent()
