"""The intake as its callers see it, over real HTTP: what it answers, and that nothing is said of a token."""

import asyncio
import contextlib
import json
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import requests
from discord_webhook import DiscordEmbed, DiscordWebhook
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from notifier.errors import BrokerUnavailable, QueueFull
from notifier.intake import connections, reception, server
from notifier.intake.server import BODY_BYTES_MAX, DISCARDED_BYTES_MAX, Server
from notifier.intake.tokens import WINDOW_SECONDS, Tokens
from notifier.testing import Alerts

TOKEN, OTHER = "fake-token-of-the-intake-1", "fake-token-of-the-intake-2"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
Answer = tuple[int, Any, dict[str, str]]
Post = Callable[..., Answer]


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def post(clock: Clock) -> Post:
    """Posts to an intake that is started for it; status, JSON and headers of the answer."""
    tokens = Tokens([TOKEN, OTHER], 3, clock)

    async def exchange(path: str, body: Any, method: str, headers: dict[str, str]) -> Answer:
        intake = Server("127.0.0.1", 0, tokens)
        try:
            text = body if isinstance(body, str | bytes) else json.dumps(body)
            address = f"http://127.0.0.1:{intake.port}{path}"
            request = HTTPRequest(address, method, headers, text, allow_nonstandard_methods=True)
            answer = await AsyncHTTPClient().fetch(request, raise_error=False)
            return answer.code, _read(answer.body), dict(answer.headers)
        finally:
            await intake.close()

    def post(path: str, body: Any, method: str = "POST", **headers: str) -> Answer:
        return asyncio.run(exchange(path, body, method, headers))

    return post


def test_an_alert_is_admitted_and_its_id_answered(post: Post, alerts: Alerts) -> None:
    status, answer, _ = post("/alerts", {"alert_type": "error", "title": "T", "fields": {"a": 1}}, **BEARER)
    assert status == 202
    (alert,) = alerts.sent
    assert answer == {"ids": [alert.id]}
    assert (alert.alert_type, alert.title, alert.fields[0].value) == ("error", "T", "1")


def test_who_can_send_no_header_has_the_token_in_the_path_and_the_type_behind_it(post: Post, alerts: Alerts) -> None:
    form = "payload=%7B%22text%22%3A%20%22It%20works%22%7D"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    assert post(f"/{TOKEN}/slack?type=monitoring", form, **kind)[0] == 200
    assert post(f"/{TOKEN}/discord", {"embeds": [{"title": "1"}, {"title": "2"}]})[0] == 202
    assert [(each.alert_type, each.title) for each in alerts.sent] == [
        ("monitoring", "It works"), ("general", "1"), ("general", "2"),
    ]  # fmt: skip


def test_without_a_token_nothing_is_taken(post: Post, alerts: Alerts) -> None:
    for path, headers in (
        ("/alerts", {}),
        ("/alerts", {"Authorization": "Bearer "}),
        ("/alerts", {"Authorization": f"Bearer {TOKEN}x"}),
        ("/wrong/alerts", BEARER),
        ("/nothing", {}),
    ):
        assert post(path, {"title": "T"}, **headers)[0] == 401
    alerts.assert_none_sent()


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/alerts", {"titel": "T"}, 400, "titel"),
        ("/alerts", {"alert_type": "errors"}, 400, "alert_type"),
        ("/alerts?type=errors", {"title": "T"}, 400, "alert_type"),
        ("/alerts", "{", 400, "body"),
        ("/alerts", b"\xff", 400, "body"),
        ("/alerts", "[" * 100_000, 400, "nested too deep"),
        ("/alerts", '{"a":' * 100_000, 400, "nested too deep"),
        ("/alerts", '{"title": NaN}', 400, "body"),
        ("/alerts", '{"title": "\\ud800"', 400, "body"),
        ("/alerts", "", 400, "body"),
        ("/healthchecks", {"status": "gone"}, 400, "status"),
        ("/slack", {"text": ""}, 400, "text"),
        ("/alertmanager", {"alerts": 1}, 400, "alerts"),
        ("/other", {}, 404, "/alertmanager"),
    ],
)
def test_what_is_wrong_is_named(post: Post, alerts: Alerts, path: str, body: Any, status: int, said: str) -> None:
    code, answer, _ = post(path, body, **BEARER)
    assert code == status
    assert said in answer["error"]
    assert TOKEN not in json.dumps(answer)
    alerts.assert_none_sent()


def test_another_method_is_refused_without_a_word_of_the_token(post: Post) -> None:
    code, answer, _ = post(f"/{TOKEN}/alerts", "", "PUT")
    assert (code, answer) == (405, {"error": "Method Not Allowed"})


def test_the_same_key_gives_the_same_ids_and_another_token_others(post: Post, alerts: Alerts) -> None:
    headers = {**BEARER, "Idempotency-Key": "order-5"}
    first, again = (post("/alerts", {"title": "T"}, **headers)[1] for _ in range(2))
    other = post("/alerts", {"title": "T"}, **{**headers, "Authorization": f"Bearer {OTHER}"})[1]
    assert first == again != other


def test_a_key_that_was_used_with_another_body_is_refused(
    post: Post, monkeypatch: pytest.MonkeyPatch, alerts: Alerts
) -> None:
    shared = reception.Reception()
    monkeypatch.setattr(server, "Reception", lambda: shared)
    headers = {**BEARER, "Idempotency-Key": "order-5"}
    assert [post("/alerts", {"title": each}, **headers)[0] for each in "TTU"] == [202, 202, 422]
    alerts.assert_sent(title="T")
    alerts.assert_none_sent(title="U")


@pytest.mark.parametrize("error", [QueueFull("full"), BrokerUnavailable("away")])
def test_what_is_not_admitted_is_to_be_sent_again(
    post: Post, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(_: Any) -> None:
        raise error

    monkeypatch.setattr(reception, "submit", refuse)
    code, answer, headers = post("/alerts", {"title": "T"}, **BEARER)
    assert (code, answer) == (503, {"error": str(error)})
    assert int(headers["Retry-After"]) > 0


def test_a_bug_of_ours_is_logged_without_the_token(
    post: Post, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reception, "submit", lambda _: 1 / 0)
    assert post(f"/{TOKEN}/alerts", {"title": "T"})[:2] == (500, {"error": "Internal Server Error"})
    assert "ZeroDivisionError" in caplog.text
    assert TOKEN not in caplog.text


def test_each_token_has_a_budget_of_its_own(post: Post, clock: Clock, alerts: Alerts) -> None:
    codes = [post("/alerts", {"title": "T"}, **BEARER)[0] for _ in range(3)]
    code, _, headers = post("/alerts", {"title": "T"}, **BEARER)
    assert (codes, code, headers["Retry-After"]) == ([202] * 3, 429, str(WINDOW_SECONDS))
    assert post("/alerts", {"title": "T"}, Authorization=f"Bearer {OTHER}")[0] == 202
    clock.now += WINDOW_SECONDS
    assert post("/alerts", {"title": "T"}, **BEARER)[0] == 202
    assert len(alerts.sent) == 5


def test_a_body_is_bounded(post: Post, alerts: Alerts) -> None:
    code, answer, _ = post("/alerts", "x" * (BODY_BYTES_MAX + 1), **BEARER)
    assert (code, answer) == (413, {"error": f"body: more than {BODY_BYTES_MAX} bytes"})
    alerts.assert_none_sent()


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/xml"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_what_is_not_said_to_be_json_is_refused(post: Post, alerts: Alerts, headers: dict[str, str]) -> None:
    code, answer, _ = post("/alerts", {"title": "T"}, **BEARER, **headers)
    assert code == 415
    assert answer["error"].startswith("Content-")
    alerts.assert_none_sent()


@pytest.mark.parametrize(
    "kind",
    ["application/json; charset=utf-8", "application/vnd.x+json", "text/plain", "application/x-www-form-urlencoded"],
)
def test_json_is_taken_by_the_names_that_it_has(post: Post, alerts: Alerts, kind: str) -> None:
    assert post("/alerts", {"title": "T"}, **BEARER, **{"Content-Type": kind})[0] == 202
    alerts.assert_sent(title="T", count=1)


def test_of_a_name_that_is_there_twice_the_last_counts(post: Post, alerts: Alerts) -> None:
    assert post("/alerts", '{"title": "1", "title": "2"}', **BEARER)[0] == 202
    alerts.assert_sent(title="2", count=1)


def test_its_health_can_be_asked_without_a_token(post: Post) -> None:
    assert post("/health", None, "GET")[:2] == (200, {"status": "ok"})
    assert post("/health", None, "HEAD")[:2] == (200, "")


def test_an_unknown_address_is_told_the_known_ones(post: Post) -> None:
    for path in ("/", "/a/b/c", f"/{TOKEN}/alerts/", "/favicon.ico"):
        code, answer, _ = post(path, {})
        assert code == 404
        assert "/alertmanager, /grafana, /sentry, /github, /healthchecks, /slack, /discord" in answer["error"]
        assert TOKEN not in json.dumps(answer)


def test_a_program_that_knows_only_discord_posts_to_an_address_of_that_form(
    post: Post, clock: Clock, alerts: Alerts
) -> None:
    path = f"/api/webhooks/223704706495545344/{TOKEN}"
    assert post(path, {"content": "1"})[:2] == (204, "")
    assert post(f"/api/v10/webhooks/1/{TOKEN}?thread_id=5&type=error", {"content": "2"})[:2] == (204, "")
    code, message, _ = post(f"{path}?wait=true", {"embeds": [{"title": "3"}]})
    assert code == 200
    assert (message["webhook_id"], message["type"], message["id"].isdecimal()) == ("223704706495545344", 0, True)
    assert {"channel_id", "author", "timestamp", "attachments", "mentions", "pinned", "tts"} <= message.keys()
    clock.now += WINDOW_SECONDS
    assert post(f"{path}/slack", {"text": "4"})[:2] == (200, "ok")
    assert post(f"/{TOKEN}/discord?wait=1", {"content": "5"})[1]["type"] == 0
    assert [each.title for each in alerts.sent] == ["1", "2", "3", "4", "5"]
    assert (alerts.sent[1].thread_id, alerts.sent[1].alert_type) == ("5", "error")


def test_a_program_that_asks_for_its_webhook_first_is_told(post: Post) -> None:
    path = f"/api/webhooks/223704706495545344/{TOKEN}"
    code, webhook, _ = post(path, None, "GET")
    assert (code, webhook["id"], webhook["type"]) == (200, "223704706495545344", 1)
    assert post(f"{path}x", None, "GET")[0] == 401
    assert post("/alerts", None, "GET", **BEARER)[0] == 405


def test_a_client_library_of_discords_is_content(clock: Clock, alerts: Alerts) -> None:
    def send(address: str) -> "requests.Response":
        webhook = DiscordWebhook(url=address, content="1", username="CI", rate_limit_retry=False, timeout=20)
        webhook.add_embed(DiscordEmbed(title="Deployed", description="**v2**", color="03b2f8"))
        webhook.add_file(file=b"log", filename="ci.log")
        return webhook.execute()

    async def run() -> int:
        intake = Server("127.0.0.1", 0, Tokens([TOKEN], 3, clock))
        answer = await asyncio.to_thread(send, f"http://127.0.0.1:{intake.port}/api/webhooks/1/{TOKEN}")
        await intake.close()
        return answer.status_code

    assert asyncio.run(run()) in (200, 204)
    (alert,) = alerts.sent
    assert (alert.title, alert.content, alert.username, alert.files[0].content) == ("Deployed", "1", "CI", b"log")


def test_it_is_told_what_is_wrong_in_discords_form(post: Post, clock: Clock, alerts: Alerts) -> None:
    path = f"/api/webhooks/1/{TOKEN}"
    assert post(path, {})[:2] == (400, {"message": "content: expected a content, embeds or files", "code": 0})
    code, answer, _ = post(f"{path}x", {"content": "1"})
    assert (code, answer["code"]) == (401, 50027)
    for _ in range(2):
        post(path, {"content": "1"})
    code, answer, headers = post(path, {"content": "1"})
    assert (code, answer["retry_after"], answer["global"]) == (429, float(WINDOW_SECONDS), False)
    assert headers["Retry-After"] == str(WINDOW_SECONDS)


def test_files_for_discord_come_with_the_message(post: Post, alerts: Alerts) -> None:
    parts = {
        'name="payload_json"': b'{"embeds": [{"title": "T", "image": {"url": "attachment://a.png"}}]}',
        'name="files[0]"; filename="a.png"\r\nContent-Type: image/png': b"\x89PNG",
    }
    body = b"".join(
        b"--x\r\nContent-Disposition: form-data; %b\r\n\r\n%b\r\n" % (n.encode(), v) for n, v in parts.items()
    )
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    assert post(f"/api/webhooks/1/{TOKEN}", body + b"--x--\r\n", **kind)[0] == 204
    (alert,) = alerts.sent
    assert [(each.name, each.content) for each in alert.files] == [("a.png", b"\x89PNG")]
    assert alert.image == "a.png"
    assert post(f"/api/webhooks/1/{TOKEN}", b"--x\r\nnothing", **kind)[0] == 400


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
        others, sender = await asyncio.open_connection("127.0.0.1", intake.port)
        body = b'{"title": "T"}'
        sender.write(head(TOKEN, f"Content-Length: {len(body)}") + body)
        assert await status(others) == 202
        sender.close()
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
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 2)

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
