"""What the client sends, and how it reads the answer."""

import json
import os
import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
import responses
from requests import exceptions as broken
from urllib3.exceptions import HTTPError, LocationParseError

from notifier.discord import DiscordClient
from notifier.discord.outcomes import ELSEWHERE
from notifier.outcome import (
    Answer,
    Deferred,
    Delivered,
    Failed,
    RateLimitInfo,
    Reason,
    Rejected,
    Scope,
    Unknown,
    WebhookInfo,
)
from notifier.render.batch import Payload
from notifier.render.uploads import File
from notifier.webhook import Webhook
from tests.unit.discord.conftest import TOKEN

API = "https://discord.com/api/v10"
URL = f"{API}/webhooks/123456789/{TOKEN}"
NO_MESSAGE = f"HTTP 200, {ELSEWHERE}"
BUCKET = {"X-RateLimit-Limit": "5", "X-RateLimit-Remaining": "4", "X-RateLimit-Reset-After": "0.5"}


@pytest.fixture
def client() -> DiscordClient:
    return DiscordClient(API, 10)


def sent() -> requests.PreparedRequest:
    assert len(responses.calls) == 1
    request: requests.PreparedRequest = responses.calls[0].request
    return request


@responses.activate
def test_a_message_is_posted_as_json_and_waited_for(client: DiscordClient, webhook: Webhook, payload: Payload) -> None:
    responses.post(URL, json={"id": "77", "channel_id": "88"}, headers=BUCKET)
    assert client.execute(webhook, payload) == Answer(Delivered("77", "88"), RateLimitInfo(5, 4, 0.5), 200)
    assert sent().url == f"{URL}?wait=true"
    assert sent().headers["Content-Type"] == "application/json"
    assert json.loads(sent().body or b"") == payload.body


@pytest.mark.parametrize(("of_message", "of_webhook", "thread"), [(None, "5", "5"), ("6", None, "6"), ("6", "5", "6")])
@responses.activate
def test_the_thread_of_the_message_wins_over_that_of_the_webhook(
    client: DiscordClient, webhook: Webhook, of_message: str | None, of_webhook: str | None, thread: str
) -> None:
    responses.post(URL, json={})
    client.execute(Webhook(webhook.id, webhook.token, of_webhook), Payload({}, (), of_message))
    assert sent().url == f"{URL}?wait=true&thread_id={thread}"


@responses.activate
def test_files_make_it_multipart(client: DiscordClient, webhook: Webhook) -> None:
    responses.post(URL, json={})
    client.execute(webhook, Payload({"attachments": [{"id": 0}]}, (File("alert-1.txt", b"text"),)))
    body = sent().body
    assert isinstance(body, bytes)
    assert b'name="payload_json"\r\n\r\n{"attachments": [{"id": 0}]}\r\n' in body
    assert b'name="files[0]"; filename="alert-1.txt"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\ntext\r\n' in body


@responses.activate
def test_it_sends_the_user_agent_that_discord_asks_for(
    client: DiscordClient, webhook: Webhook, payload: Payload
) -> None:
    responses.post(URL, json={})
    client.execute(webhook, payload)
    assert re.fullmatch(r"DiscordBot \(https://[^ ,]+, \d+\.\d+\.\d+\)", sent().headers["User-Agent"])


@responses.activate
def test_no_login_of_a_netrc_is_sent(
    client: DiscordClient, webhook: Webhook, payload: Payload, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password fake-secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert requests.utils.get_netrc_auth(URL) == ("someone", "fake-secret"), "the test tests nothing"
    responses.post(URL, json={})
    client.execute(webhook, payload)
    assert "Authorization" not in sent().headers


@responses.activate
def test_the_environment_is_read_for_the_first_request_alone(
    client: DiscordClient, webhook: Webhook, payload: Payload, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(requests.sessions, "get_environ_proxies", lambda url, **_: asked.append(url) or {})
    responses.post(URL, json={})
    client.execute(webhook, payload)
    client.execute(webhook, payload)
    assert len(asked) == 1, "requests reads all of it for each, a quarter of a request's processor time"


@responses.activate
def test_what_is_the_same_for_a_webhook_is_made_for_its_first_message_alone(
    client: DiscordClient, webhook: Webhook, payload: Payload, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    prepare_url = requests.PreparedRequest.prepare_url

    def noted(request: requests.PreparedRequest, url: str, params: Any) -> None:
        made.append(url)
        prepare_url(request, url, params)

    monkeypatch.setattr(requests.PreparedRequest, "prepare_url", noted)
    other = replace(webhook, id="2")
    for each in (webhook, webhook, other, webhook):
        responses.post(f"{API}/webhooks/{each.id}/{TOKEN}", json={})
        client.execute(each, payload)
    assert made == [URL, f"{API}/webhooks/2/{TOKEN}"]
    assert [str(each.request.url).split("?")[0] for each in responses.calls] == [URL, URL, made[1], URL]


@responses.activate
def test_a_redirect_is_not_followed(client: DiscordClient, webhook: Webhook, payload: Payload) -> None:
    responses.post(URL, status=308, headers={"Location": "https://elsewhere.invalid/"})
    answer = client.execute(webhook, payload)
    assert isinstance(answer.outcome, Failed)
    assert (answer.outcome.reason, answer.http_status) == (Reason.REDIRECTED, 308)
    assert len(responses.calls) == 1


@pytest.mark.parametrize("body", ["", "ok", '{"id": "7', "[1]", "null", "[" * 100_000, '"' + "x" * 2**20 + '"'])
@responses.activate
def test_a_2xx_without_a_message_is_unknown(
    client: DiscordClient, webhook: Webhook, payload: Payload, body: str
) -> None:
    responses.post(URL, body=body)
    assert client.execute(webhook, payload) == Answer(Unknown(Reason.UNEXPECTED_ANSWER, NO_MESSAGE), None, 200)


@responses.activate
def test_no_content_is_unknown_for_it_was_to_wait(client: DiscordClient, webhook: Webhook, payload: Payload) -> None:
    responses.post(URL, status=204)
    assert isinstance(client.execute(webhook, payload).outcome, Unknown)


@responses.activate
def test_a_page_is_read_as_far_as_it_shows_whose_it_is(
    client: DiscordClient, webhook: Webhook, payload: Payload
) -> None:
    responses.post(URL, status=403, body="error code: 1010")
    assert client.execute(webhook, payload).outcome == Deferred(0, Reason.EDGE_BANNED, Scope.EDGE)
    responses.replace("POST", URL, status=403, body="<html>Blocked by policy</html>")
    assert isinstance(client.execute(webhook, payload).outcome, Failed)


@responses.activate
def test_the_headers_of_a_429_are_read_too(client: DiscordClient, webhook: Webhook, payload: Payload) -> None:
    limited = {"message": "You are being rate limited.", "retry_after": 1.5, "global": False}
    responses.post(URL, status=429, json=limited, headers={**BUCKET, "Via": "1.1 google"})
    assert client.execute(webhook, payload) == Answer(
        Deferred(1.5, Reason.RATE_LIMITED, Scope.WEBHOOK), RateLimitInfo(5, 4, 0.5), 429
    )


@responses.activate
def test_a_ban_page_is_the_edges(client: DiscordClient, webhook: Webhook, payload: Payload) -> None:
    responses.post(URL, status=429, body="error code: 1015", headers={"Retry-After": "60"})
    assert client.execute(webhook, payload) == Answer(Deferred(60, Reason.EDGE_BANNED, Scope.EDGE), None, 429)


@responses.activate
def test_a_token_that_the_answer_repeats_is_not_passed_on(
    client: DiscordClient, webhook: Webhook, payload: Payload
) -> None:
    responses.post(URL, status=400, json={"message": f"{'x' * 480} {TOKEN}", "id": TOKEN, "code": 50_035})
    answer = client.execute(webhook, payload)
    assert "fake" not in repr(answer)
    assert "***" in repr(answer)


def _foreign(raised: type[Exception]) -> Exception:
    text = f"refused: {URL}"
    return raised(text, "", 0) if raised is broken.JSONDecodeError else raised(text)


@pytest.mark.parametrize(
    "raised",
    [
        HTTPError,
        LocationParseError,
        OSError,
        ValueError,
        *(
            kind
            for kind in vars(broken).values()
            if isinstance(kind, type) and issubclass(kind, requests.RequestException) and not issubclass(kind, Warning)
        ),
    ],
)
@responses.activate
def test_no_exception_of_the_library_comes_out(
    client: DiscordClient, webhook: Webhook, payload: Payload, raised: type[Exception]
) -> None:
    responses.post(URL, body=_foreign(raised))
    responses.get(URL, body=_foreign(raised))
    answer = client.execute(webhook, payload)
    assert answer.http_status is None
    assert answer.outcome.detail == raised.__name__ or isinstance(answer.outcome, Deferred)  # type: ignore[union-attr]
    assert client.get_webhook(webhook) == WebhookInfo(answer, None, None, None)
    assert TOKEN not in repr(answer)


@responses.activate
def test_get_webhook_yields_where_it_posts(client: DiscordClient, webhook: Webhook) -> None:
    told: dict[str, Any] = {"id": "123456789", "channel_id": "55", "guild_id": "66", "name": "Alerts", "token": TOKEN}
    responses.get(URL, json=told, headers=BUCKET)
    info = client.get_webhook(webhook)
    assert (info.channel_id, info.guild_id, info.name) == ("55", "66", "Alerts")
    assert info.answer == Answer(Delivered("123456789", "55"), RateLimitInfo(5, 4, 0.5), 200)
    assert TOKEN not in repr(info)
    assert sent().url == URL


@pytest.mark.parametrize("told", [{}, {"channel_id": 5, "guild_id": None, "name": ["x"]}, [1]])
@responses.activate
def test_a_nonsense_answer_to_get_webhook_yields_nothing(client: DiscordClient, webhook: Webhook, told: object) -> None:
    responses.get(URL, json=told)
    info = client.get_webhook(webhook)
    assert (info.channel_id, info.guild_id, info.name) == (None, None, None)


@responses.activate
def test_fetching_a_webhook_that_is_gone_yields_no_channel(client: DiscordClient, webhook: Webhook) -> None:
    gone = {"message": "Unknown Webhook", "code": 10015, "channel_id": "5", "name": "x"}
    responses.get(URL, status=404, json=gone, headers={"Via": "1.1 google"})
    answer = Answer(Rejected(Reason.WEBHOOK_UNKNOWN, "Unknown Webhook"), None, 404)
    assert client.get_webhook(webhook) == WebhookInfo(answer, None, None, None)


def test_each_thread_has_a_session_of_its_own(client: DiscordClient) -> None:
    sessions = [client._session(), client._session()]
    thread = threading.Thread(target=lambda: sessions.append(client._session()))
    thread.start()
    thread.join(10)
    assert sessions[0] is sessions[1]
    assert sessions[2] is not sessions[0]


def test_a_forked_process_has_a_session_of_its_own(client: DiscordClient, monkeypatch: pytest.MonkeyPatch) -> None:
    before = client._session()
    other = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: other)
    assert client._session() is not before


def test_no_repr_shows_the_token(client: DiscordClient, webhook: Webhook) -> None:
    payload = Payload({}, (File("f", b"secret of the caller"),))
    assert TOKEN not in f"{client!r} {webhook!r} {vars(client)!r}"
    assert "secret of the caller" not in repr(payload)


@responses.activate
def test_an_unknown_outcome_stays_unknown(client: DiscordClient, webhook: Webhook, payload: Payload) -> None:
    responses.post(URL, status=504, body="<html>")
    assert client.execute(webhook, payload) == Answer(Unknown(Reason.SERVER_ERROR, "HTTP 504"), None, 504)
