"""What happens on the wire becomes the right outcome, in bounded time. With real sockets."""

import contextlib
import http.client
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from notifier.discord import DiscordClient
from notifier.discord.client import BODY_BYTES_MAX
from notifier.discord.outcomes import ELSEWHERE
from notifier.outcome import Answer, Delivered, Failed, Reason, Unknown
from notifier.render.batch import Payload
from notifier.render.uploads import File
from notifier.webhook import Webhook
from tests.unit.discord.conftest import PATIENCE_SECONDS, TOKEN, Behaviour, Peer, read_request

TIMEOUT_SECONDS = 0.4
PAUSED_SECONDS = 1.5
"""Longer than this process stands still, where an answer has to begin in time."""
NO_MESSAGE = Unknown(Reason.UNEXPECTED_ANSWER, f"HTTP 200, {ELSEWHERE}")
STORED = b'{"id": "77", "channel_id": "88"}'
JSON_HEAD = b"Via: 1.1 google\r\nContent-Type: application/json\r\n"

StartPeer = Callable[[Behaviour], Peer]


def head(status: int, length: int) -> bytes:
    return b"HTTP/1.1 %d Whatever\r\n%bContent-Length: %d\r\n\r\n" % (status, JSON_HEAD, length)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def greeted_and_reset(connection: socket.socket) -> None:
    connection.recv(1)
    reset(connection)


def drip(connection: socket.socket, data: bytes) -> None:
    """A byte at a time, each long before a read would time out, until the client gives up."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    connection.settimeout(TIMEOUT_SECONDS / 8)
    for byte in data:
        connection.sendall(bytes([byte]))
        with contextlib.suppress(TimeoutError):
            if connection.recv(1) == b"":
                return
        if time.monotonic() > give_up:
            return


def posted(peer_url: str, webhook: Webhook, payload: Payload, timeout_seconds: float = TIMEOUT_SECONDS) -> Answer:
    """The answer to one request, which has to come in less time than a test is patient."""
    answers: list[Answer] = []
    client = DiscordClient(peer_url, timeout_seconds)
    thread = threading.Thread(target=lambda: answers.append(client.execute(webhook, payload)), daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS / 2)
    assert answers, "the request pinned its thread"
    return answers[0]


def test_a_message_that_is_stored_is_delivered(start_peer: StartPeer, webhook: Webhook, payload: Payload) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head(200, len(STORED)) + STORED)

    peer = start_peer(behave)
    assert posted(peer.api_url, webhook, payload, 10) == Answer(Delivered("77", "88"), None, 200)


def test_a_closed_port_fails_as_nothing_was_sent(webhook: Webhook, payload: Payload) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answer = posted(f"http://127.0.0.1:{port}/api/v10", webhook, payload)
    assert answer == Answer(Failed(Reason.CONNECTION_FAILED, "ConnectionError"))


@pytest.mark.parametrize("end", [reset, socket.socket.close], ids=["reset", "close"])
def test_a_connection_lost_after_the_request_leaves_the_outcome_unknown(
    start_peer: StartPeer, webhook: Webhook, payload: Payload, end: Callable[[socket.socket], None]
) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        end(connection)

    peer = start_peer(behave)
    assert posted(peer.api_url, webhook, payload, 10) == Answer(Unknown(Reason.CONNECTION_LOST, "ConnectionError"))
    assert peer.connections == 1, "it was sent again below the outbox"


def test_a_question_is_asked_once(start_peer: StartPeer, webhook: Webhook) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        reset(connection)

    peer = start_peer(behave)
    info = DiscordClient(peer.api_url, 10).get_webhook(webhook)
    assert info.answer == Answer(Unknown(Reason.CONNECTION_LOST, "ConnectionError"))
    assert peer.connections == 1, "it was asked again below the outbox"


def test_silence_leaves_the_outcome_unknown_in_time(start_peer: StartPeer, webhook: Webhook, payload: Payload) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.recv(1)

    peer = start_peer(behave)
    assert posted(peer.api_url, webhook, payload) == Answer(Unknown(Reason.READ_TIMEOUT, "ReadTimeout"))
    assert peer.connections == 1, "it was sent again below the outbox"


def test_a_head_that_trickles_for_ever_ends_in_time(start_peer: StartPeer, webhook: Webhook, payload: Payload) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        drip(connection, b"HTTP/1.1 200 OK\r\nX-Endless: " + b"x" * 10_000)

    peer = start_peer(behave)
    assert posted(peer.api_url, webhook, payload) == Answer(Unknown(Reason.READ_TIMEOUT, "ReadTimeout"))


@pytest.mark.parametrize(
    "body_head",
    [b"Content-Length: 10000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n2710\r\n", b"\r\n"],
    ids=["sized", "chunked", "until it closes"],
)
def test_a_body_that_trickles_for_ever_ends_in_time_and_is_unknown(
    start_peer: StartPeer, webhook: Webhook, payload: Payload, body_head: bytes
) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + body_head)
        drip(connection, b"x" * 10_000)

    peer = start_peer(behave)
    assert posted(peer.api_url, webhook, payload, PAUSED_SECONDS) == Answer(NO_MESSAGE, None, 200)


@pytest.mark.parametrize(("status", "outcome"), [(200, NO_MESSAGE), (500, Unknown(Reason.SERVER_ERROR, "HTTP 500"))])
def test_a_body_that_breaks_off_does_not_change_what_the_status_said(
    start_peer: StartPeer, webhook: Webhook, payload: Payload, status: int, outcome: object
) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head(status, 1_000) + b'{"id": "7')
        reset(connection)

    peer = start_peer(behave)
    assert posted(peer.api_url, webhook, payload, 10) == Answer(outcome, None, status)  # type: ignore[arg-type]


def test_a_body_without_end_is_read_only_so_far(start_peer: StartPeer, webhook: Webhook, payload: Payload) -> None:
    sent: list[int] = []

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while sum(sent) < 64 * BODY_BYTES_MAX:
            sent.append(connection.send(b" " * 65_536))

    peer = start_peer(behave)
    assert posted(peer.api_url, webhook, payload, 10) == Answer(NO_MESSAGE, None, 200)
    peer_gave_up = sum(sent)
    assert peer_gave_up < 32 * BODY_BYTES_MAX


@pytest.mark.parametrize("location", [b"https://example.com/login", b"http://["])
@pytest.mark.parametrize("way", ["without end", "trickles"])
def test_where_a_redirect_leads_is_not_looked_at_nor_its_body_read_for_long(
    start_peer: StartPeer, webhook: Webhook, payload: Payload, location: bytes, way: str
) -> None:
    sent: list[int] = []

    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: %b\r\n\r\n" % location)
        if way == "trickles":
            drip(connection, b"x" * 10_000)
        while way == "without end" and sum(sent) < 64 * BODY_BYTES_MAX:
            sent.append(connection.send(b" " * 65_536))

    answer = posted(start_peer(behave).api_url, webhook, payload, PAUSED_SECONDS if way == "trickles" else 10)
    assert answer == Answer(Failed(Reason.REDIRECTED, f"HTTP 302, {ELSEWHERE}"), None, 302)
    assert sum(sent) < 32 * BODY_BYTES_MAX


@pytest.mark.parametrize(
    ("behave", "detail"),
    [
        (greeted_and_reset, "ConnectionError"),
        (lambda connection: [connection.recv(65_536), connection.recv(65_536)], "ConnectTimeout"),
        (lambda connection: connection.recv(1) and connection.sendall(b"HTTP/1.1 400 No\r\n\r\n"), "SSLError"),
    ],
    ids=["reset", "silence", "no TLS"],
)
def test_a_tls_handshake_that_fails_has_sent_nothing(
    start_peer: StartPeer, webhook: Webhook, payload: Payload, behave: Behaviour, detail: str
) -> None:
    url = start_peer(behave).api_url.replace("http://", "https://")
    seconds = TIMEOUT_SECONDS if detail == "ConnectTimeout" else 10
    assert posted(url, webhook, payload, seconds) == Answer(Failed(Reason.CONNECTION_FAILED, detail))


def test_a_connection_is_used_again(start_peer: StartPeer, webhook: Webhook, payload: Payload) -> None:
    def behave(connection: socket.socket) -> None:
        while True:
            read_request(connection)
            connection.sendall(head(200, len(STORED)) + STORED)

    peer = start_peer(behave)
    client = DiscordClient(peer.api_url, 10)
    for _ in range(3):
        assert client.execute(webhook, payload).outcome == Delivered("77", "88")
    assert peer.connections == 1


def test_each_request_of_a_webhook_has_its_own_text_and_the_cookies_of_the_answers_before(
    start_peer: StartPeer, webhook: Webhook
) -> None:
    seen: list[tuple[str | None, object]] = []

    def behave(connection: socket.socket) -> None:
        for number in range(4):
            asked, _, text = read_request(connection).partition(b"\r\n\r\n")
            cookies = re.search(rb"(?im)^cookie: ([^\r\n]*)", asked)
            seen.append((cookies and cookies[1].decode(), json.loads(text)["content"]))
            cookie = b"Set-Cookie: __cf_bm=%d; path=/\r\n\r\n" % number
            connection.sendall(head(200, len(STORED)).replace(b"\r\n\r\n", b"\r\n" + cookie) + STORED)

    client = DiscordClient(start_peer(behave).api_url, 10)
    for number in range(4):
        client.execute(webhook, Payload({"content": "ä" * number}))
    assert seen == [((number and f"__cf_bm={number - 1}") or None, "ä" * number) for number in range(4)]


def test_a_connection_that_was_idle_for_long_is_not_trusted(
    start_peer: StartPeer, webhook: Webhook, payload: Payload, monkeypatch: pytest.MonkeyPatch
) -> None:
    def behave(connection: socket.socket) -> None:
        while True:
            read_request(connection)
            connection.sendall(head(200, len(STORED)) + STORED)

    peer = start_peer(behave)
    client = DiscordClient(peer.api_url, 10)
    assert client.execute(webhook, payload).outcome == Delivered("77", "88")
    monkeypatch.setattr("notifier.discord.client.IDLE_SECONDS_MAX", -1)
    assert client.execute(webhook, payload).outcome == Delivered("77", "88")
    assert peer.connections == 2


def test_a_file_travels_as_multipart(start_peer: StartPeer, webhook: Webhook) -> None:
    received = []

    def behave(connection: socket.socket) -> None:
        received.append(read_request(connection))
        connection.sendall(head(200, len(STORED)) + STORED)

    payload = Payload(
        {"attachments": [{"id": 0, "filename": "alert-1.txt"}]}, (File("alert-1.txt", "die Größe 🎵".encode()),)
    )
    peer = start_peer(behave)
    assert posted(peer.api_url, webhook, payload, 10).outcome == Delivered("77", "88")
    request = received[0]
    assert b"Content-Type: multipart/form-data; boundary=" in request
    assert b'name="payload_json"\r\n\r\n{"attachments": [{"id": 0, "filename": "alert-1.txt"}]}' in request
    assert b'name="files[0]"; filename="alert-1.txt"\r\n' in request
    assert "\r\n\r\ndie Größe 🎵\r\n--".encode() in request


def test_whoever_patches_the_connection_sees_no_token_and_discord_does(
    start_peer: StartPeer, webhook: Webhook, payload: Payload, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the SDK of Sentry does, for its breadcrumbs."""
    asked: list[bytes] = []
    seen: list[str] = []
    original = http.client.HTTPConnection.putrequest

    def putrequest(self: http.client.HTTPConnection, method: str, url: str, *args: Any, **kwargs: Any) -> None:
        seen.append(url)
        original(self, method, url, *args, **kwargs)

    def behave(connection: socket.socket) -> None:
        asked.append(connection.recv(65_536))
        connection.sendall(head(200, len(STORED)) + STORED)

    monkeypatch.setattr(http.client.HTTPConnection, "putrequest", putrequest)
    peer = start_peer(behave)
    assert posted(peer.api_url, webhook, payload, 10).http_status == 200
    assert seen == ["/api/v10/webhooks/123456789/***?wait=true"]
    assert asked[0].startswith(f"POST /api/v10/webhooks/123456789/{TOKEN}?wait=true HTTP/1.1\r\n".encode())
