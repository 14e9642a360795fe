"""The intake as its callers see it, over real HTTP: what it answers, and that nothing is said of a token."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from notifier.errors import BrokerUnavailable, QueueFull
from notifier.intake import server
from notifier.intake.server import BODY_BYTES_MAX, WINDOW_SECONDS, Server, Tokens
from notifier.testing import Alerts

TOKEN, OTHER = "fake-token-of-the-intake-1", "fake-token-of-the-intake-2"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
Answer = tuple[int, dict[str, Any], dict[str, str]]
Post = Callable[..., Answer]


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


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
            request = HTTPRequest(f"http://127.0.0.1:{intake.port}{path}", method, headers, text)
            answer = await AsyncHTTPClient().fetch(request, raise_error=False)
            return answer.code, json.loads(answer.body), dict(answer.headers)
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
    assert post(f"/{TOKEN}/slack?type=monitoring", form, **kind)[0] == 202
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
        ("/alerts", "[" * 100_000, 400, "body"),
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


@pytest.mark.parametrize("error", [QueueFull("full"), BrokerUnavailable("away")])
def test_what_is_not_admitted_is_to_be_sent_again(
    post: Post, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(_: Any) -> None:
        raise error

    monkeypatch.setattr(server, "submit", refuse)
    code, answer, headers = post("/alerts", {"title": "T"}, **BEARER)
    assert (code, answer) == (503, {"error": str(error)})
    assert int(headers["Retry-After"]) > 0


def test_a_bug_of_ours_is_logged_without_the_token(
    post: Post, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "submit", lambda _: 1 / 0)
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
    with pytest.raises((OSError, ValueError)):  # the connection is closed, or what it answers is no JSON
        post("/alerts", "x" * (BODY_BYTES_MAX + 1), **BEARER)
    alerts.assert_none_sent()
