"""On the wire: connections that break as scripted, the control API, live events, a log without tokens."""

import asyncio
import json
import logging
import socket
import threading
import time
from typing import Any

import pytest
import requests

from notifier.sandbox.server import Server

HI = {"content": "hi"}


def url(server: Server, rest: str = "", number: int = 0) -> str:
    webhook = list(server.exchange.store.webhooks.values())[number]
    return f"{server.address}/api/v10/webhooks/{webhook.id}/{webhook.token}{rest}"


def control(server: Server, method: str, path: str, **more: Any) -> requests.Response:
    return requests.request(method, f"{server.address}/sandbox/{path}", timeout=10, **more)


def post(server: Server, **more: Any) -> requests.Response:
    return requests.post(url(server), json=HI, params={"wait": "true"}, timeout=10, **more)


def count(server: Server) -> int:
    return len(control(server, "GET", "messages").json())


@pytest.mark.parametrize(
    ("fault", "stored"), [({"kind": "reset"}, 0), ({"kind": "reset", "when": "after"}, 1), ({"kind": "cut"}, 1)]
)
def test_a_broken_connection_is_an_error_at_the_client(server: Server, fault: dict[str, Any], stored: int) -> None:
    assert control(server, "POST", "faults", json={**fault, "times": 1}).status_code == 201
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        post(server)
    assert count(server) == stored
    assert post(server).status_code == 200


def test_a_reset_is_a_reset_and_not_an_end_of_file(server: Server) -> None:
    control(server, "POST", "faults", json={"kind": "reset"})
    host, port = server.address.removeprefix("http://").split(":")
    path = url(server).removeprefix(server.address)
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: x\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(head.encode())
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_a_truncated_answer_is_whole_http_and_broken_json(server: Server) -> None:
    control(server, "POST", "faults", json={"kind": "truncate"})
    answer = post(server)
    assert answer.status_code == 200
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def test_a_slow_answer_outlasts_its_time(server: Server) -> None:
    control(server, "POST", "faults", json={"kind": "slow", "seconds": 0.5})
    started = time.monotonic()
    assert post(server).json()["content"] == "hi"
    assert time.monotonic() - started >= 0.4


def test_a_delay_holds_up_no_other_request(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    delayed, is_over = threading.Event(), threading.Event()

    async def until_it_is_over(_: float) -> None:
        delayed.set()
        while not is_over.is_set():
            await asyncio.sleep(0.01)

    monkeypatch.setattr(server.exchange, "_sleep", until_it_is_over)
    general = next(iter(server.exchange.store.webhooks))
    control(server, "POST", "faults", json={"kind": "delay", "seconds": 1, "webhook_id": general})
    answers: list[int] = []
    slow = threading.Thread(target=lambda: answers.append(post(server).status_code))
    slow.start()
    try:
        assert delayed.wait(10)
        assert requests.post(url(server, number=1), json=HI, timeout=10).status_code == 204
        assert answers == []
    finally:
        is_over.set()
        slow.join(10)
    assert answers == [200]


def test_a_body_above_the_limit_is_413(server: Server) -> None:
    answer = requests.post(
        url(server), data=b"x" * (26 * 1024 * 1024), headers={"Content-Type": "application/json"}, timeout=30
    )
    assert (answer.status_code, answer.json()["code"]) == (413, 40005)


def test_files_are_stored_shown_and_cannot_become_a_page(server: Server) -> None:
    files = {
        "payload_json": (None, json.dumps({"attachments": [{"id": 1, "description": "what happened"}]})),
        "files[0]": ("evil.html", b"<script>alert(1)</script>", "text/html"),
        "files[1]": ("trace.log", b"Traceback", "text/plain"),
        "files[2]": ("a.bin", b"\0\1", "application/x-thing"),
    }
    message = requests.post(url(server), files=files, timeout=10).json()  # files make it wait
    attachments = message["attachments"]
    assert [(each["filename"], each["size"]) for each in attachments] == [
        ("evil.html", 25),
        ("trace.log", 9),
        ("a.bin", 2),
    ]
    assert attachments[1]["description"] == "what happened"
    answers = [requests.get(each["url"], timeout=10) for each in attachments]
    assert [answer.content for answer in answers] == [b"<script>alert(1)</script>", b"Traceback", b"\0\1"]
    kinds = [answer.headers["Content-Type"] for answer in answers]
    assert kinds == ["text/plain; charset=utf-8", "text/plain; charset=utf-8", "application/octet-stream"]
    assert {answer.headers["X-Content-Type-Options"] for answer in answers} == {"nosniff"}
    assert control(server, "GET", f"attachments/{message['id']}/9").status_code == 404


def test_an_edit_keeps_the_attachments_it_names_and_adds_its_files(server: Server) -> None:
    first = {"files[0]": ("a.txt", b"A"), "files[1]": ("b.txt", b"B")}
    message = requests.post(url(server), files=first, timeout=10).json()
    keep = {"attachments": [{"id": message["attachments"][1]["id"]}]}
    files = {"payload_json": (None, json.dumps(keep)), "files[0]": ("c.txt", b"C")}
    edited = requests.patch(url(server, f"/messages/{message['id']}"), files=files, timeout=10).json()
    assert [each["filename"] for each in edited["attachments"]] == ["b.txt", "c.txt"]
    assert [requests.get(each["url"], timeout=10).content for each in edited["attachments"]] == [b"B", b"C"]


def test_webhooks_are_made_and_deleted_through_the_control_api(server: Server) -> None:
    made = control(server, "PUT", "webhooks/123456789", json={"token": "abcdefg", "channel_id": 5, "name": "guide"})
    assert made.json()["channel_id"] == "5"
    mine = f"{server.address}/api/webhooks/123456789/abcdefg"
    assert requests.post(mine, json=HI, timeout=10).status_code == 204
    assert len(control(server, "GET", "messages", params={"channel_id": "5"}).json()) == 1
    assert control(server, "GET", "messages", params={"webhook_id": "1000000000000000001"}).json() == []
    assert control(server, "DELETE", "webhooks/123456789").status_code == 200
    for _ in range(2):
        assert requests.post(mine, json=HI, timeout=10).json()["code"] == 10015
    assert control(server, "GET", "stats").json()["after_404"] == 1
    shown = control(server, "GET", "webhooks").text + control(server, "GET", "requests").text
    assert "abcdefg" not in shown
    assert "fake-token" not in shown


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("faults", {"kind": "nothing"}, "kind"),
        ("faults", {}, "kind"),
        ("faults", {"kind": "status", "status": "x"}, "status"),
        ("faults", {"kind": "status", "status": 99}, "status"),
        ("faults", {"kind": "status", "time": 3}, "time"),
        ("faults", {"kind": "status", "times": 0}, "times"),
        ("faults", {"kind": "status", "when": "later"}, "when"),
        ("faults", {"kind": "status", "probability": 2}, "probability"),
        ("faults", {"kind": "status", "headers": ["a"]}, "headers"),
        ("faults", {"kind": "status", "headers": {"a": "x\r\ny"}}, "headers"),
        ("faults", {"kind": "delay"}, "seconds"),
        ("faults", {"kind": "status", "method": "BREW"}, "method"),
        ("faults", [], "body"),
        ("ban", {"form": "xml"}, "form"),
        ("ban", {"seconds": True}, "seconds"),
    ],
)
def test_a_bad_control_request_names_its_field(server: Server, path: str, body: Any, field: str) -> None:
    answer = control(server, "POST", path, json=body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert control(server, "GET", "faults").json() == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"bucket": {"limit": 0}}, "bucket.limit"),
        ({"bucket": {"mode": "square"}}, "bucket.mode"),
        ({"channel": {"window": 1}}, "channel.window"),
        ({"enabled": 1}, "enabled"),
        ({"global": 5}, "global"),
    ],
)
def test_bad_limits_name_their_field(server: Server, body: Any, field: str) -> None:
    answer = control(server, "PUT", "limits", json=body)
    assert (answer.status_code, answer.json()["field"]) == (400, field)


def test_limits_are_changed_one_at_a_time_and_reset(server: Server) -> None:
    usual = control(server, "GET", "limits").json()
    changed = control(server, "PUT", "limits", json={"bucket": {"limit": 1, "window_seconds": 60}}).json()
    assert changed == {**usual, "bucket": {**usual["bucket"], "limit": 1, "window_seconds": 60.0}}
    assert [post(server).status_code for _ in range(2)] == [200, 429]
    control(server, "POST", "reset")
    assert control(server, "GET", "limits").json() == usual
    assert control(server, "GET", "requests").json() == []
    assert control(server, "PUT", "limits", json={"enabled": False}).json()["enabled"] is False
    assert [post(server).status_code for _ in range(8)] == [200] * 8


def test_a_ban_starts_and_ends(server: Server) -> None:
    control(server, "POST", "ban", json={"seconds": 30, "form": "html"})
    answer = post(server)
    assert (answer.status_code, "Via" in answer.headers) == (429, False)
    assert control(server, "GET", "stats").json()["ban_seconds"] > 25
    control(server, "DELETE", "ban")
    assert post(server).status_code == 200


def test_faults_are_listed_with_how_often_they_fired_and_cleared(server: Server) -> None:
    control(server, "POST", "faults", json={"kind": "status", "status": 500})
    post(server)
    assert [(each["kind"], each["fired"]) for each in control(server, "GET", "faults").json()] == [("status", 1)]
    assert control(server, "DELETE", "faults/999").status_code == 404
    control(server, "DELETE", "faults")
    assert control(server, "GET", "faults").json() == []


def test_messages_are_cleared(server: Server) -> None:
    post(server)
    control(server, "DELETE", "messages")
    assert count(server) == 0


def test_curl_needs_no_header_and_another_origin_is_refused(server: Server) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert control(server, "POST", "faults", data='{"kind": "drop"}', headers=form).status_code == 201
    foreign = control(server, "POST", "reset", headers={"Origin": "https://example.com"})
    assert foreign.status_code == 403
    assert control(server, "POST", "reset", headers={"Origin": server.address}).status_code == 200


def test_a_listener_gets_each_change(server: Server) -> None:
    seen: list[str] = []
    with control(server, "GET", "events", stream=True) as stream:
        lines = stream.iter_lines(decode_unicode=True)
        assert next(lines) == "retry: 1000"
        message = post(server).json()["id"]
        requests.patch(url(server, f"/messages/{message}"), json={"content": "new"}, timeout=10)
        requests.delete(url(server, f"/messages/{message}"), timeout=10)
        for line in lines:
            if line.startswith("event: "):
                seen.append(line.removeprefix("event: "))
            assert "fake-token" not in line
            if seen[-3:].count("request") and "delete" in seen and seen[-1] == "request":
                break
    assert seen == ["message", "request", "edit", "request", "delete", "request"]


def test_the_access_log_has_no_token(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        post(server)
        requests.get(f"{server.address}/api/v10/oops/{'y' * 68}", timeout=10)
        control(server, "GET", "health")
    # the client's own library is not the sandbox
    texts = [record.getMessage() for record in caplog.records if not record.name.startswith("urllib3")]
    assert any("/api/v10/webhooks/1000000000000000001/***" in text for text in texts)
    assert not [text for text in texts if "fake-token" in text or "y" * 60 in text]


def test_health_and_unknown_paths(server: Server) -> None:
    assert control(server, "GET", "health").json() == {"ok": True}
    assert control(server, "GET", "nothing").status_code == 404
    assert requests.get(f"{server.address}/api", timeout=10).json() == {"message": "404: Not Found", "code": 0}
    assert requests.head(f"{server.address}/api/v10", timeout=10).status_code == 404
