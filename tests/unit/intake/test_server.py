"""The intake as its callers see it, over real HTTP: what it answers, and that nothing is said of a token."""

import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest

from notifier.errors import BrokerUnavailable, QueueFull
from notifier.intake import reception, server
from notifier.intake.server import BODY_BYTES_MAX, SIGNED_BYTES_MAX
from notifier.intake.tokens import WINDOW_SECONDS
from notifier.testing import Alerts
from tests.unit.intake.conftest import BEARER, OTHER, TOKEN, Clock, Post


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
    ("shape", "header", "prefix"),
    [("github", "X-Hub-Signature-256", "sha256="), ("sentry", "Sentry-Hook-Signature", "")],
)
def test_a_program_that_signs_its_body_with_a_token_need_not_send_it(
    post: Post, clock: Clock, alerts: Alerts, body: Callable[[str], Any], shape: str, header: str, prefix: str
) -> None:
    hook = json.dumps(body({"github": "github_workflow_run", "sentry": "sentry_issue_alert"}[shape]))
    signed = hmac.new(TOKEN.encode(), hook.encode(), "sha256").hexdigest()
    assert post(f"/{shape}", hook, **{header: prefix + signed})[0] == 202
    assert len(alerts.sent) == 1
    alerts.clear()
    for wrong in (signed[:-1], signed[:-1] + ("0" if signed[-1] != "0" else "1"), "\xe9"):
        assert post(f"/{shape}", hook, **{header: prefix + wrong})[0] == 401
    assert post("/github", hook, **{"X-Hub-Signature-256": "sha256="})[0] == 401, "a signature of no characters"
    assert post(f"/{shape}", hook + " ", **{header: prefix + signed})[0] == 401
    assert post("/alerts", hook, **{header: prefix + signed})[0] == 401, "another program's header"
    assert post(f"/{shape}", hook, **{header: prefix + signed, "Authorization": "Bearer wrong"})[0] == 401
    assert post(f"/{shape}", " " * (SIGNED_BYTES_MAX + 1), **{header: prefix + signed})[0] == 413
    assert [post(f"/{shape}", hook, **{header: prefix + signed})[0] for _ in range(3)] == [202, 202, 429]


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
