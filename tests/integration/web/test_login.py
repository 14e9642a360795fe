"""Who may use the page, and by which names and pages it may be called."""

import json
import re
import socket
from pathlib import Path

import pytest

from notifier.web.answering import BODY_BYTES_MAX, Answering
from notifier.web.login import FAILURES_MAX, FAILURES_SECONDS, SESSION_SECONDS, Attempts, Login, basic_login
from notifier.web.page_files import DRAWN_BY
from notifier.web.reading import READS
from tests.integration.web.conftest import PASSWORD, USER, MakePage, Page, basic

NOBODY = {"Authorization": ""}
SECRET = [
    "/",
    "/api/overview",
    "/api/statistics",
    "/api/alerts/x",
    "/api/silences",
    *(f"/api/{name}" for name in READS),
]


def logged_in(page: Page) -> dict[str, str]:
    """A browser's headers once its form was filled in."""
    answer = page.ask("/login", "POST", data={"user": USER, "password": PASSWORD}, headers=NOBODY)
    assert (answer.status_code, answer.headers["Location"]) == (303, "./")
    page.said.pop()  # the session is in it, and hers alone
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    return {"Cookie": cookie.split(";")[0], **NOBODY}


def test_nothing_is_shown_to_who_is_not_logged_in(page: Page) -> None:
    for path in SECRET:
        for wrong in ("", "Basic x", "Bearer x", basic("ops", "wrong"), basic("other"), basic("", "")):
            page.shared.login.attempts = Attempts()
            answer = page.ask(path, headers={"Authorization": wrong})
            if path == "/":
                assert (answer.status_code, answer.headers["Location"]) == (303, "login")
            else:
                assert (answer.status_code, answer.json()["reason"]) == (401, "not_logged_in")
                assert answer.headers["WWW-Authenticate"].startswith("Basic")
        browsers = page.ask(path, headers={**NOBODY, "Sec-Fetch-Mode": "cors"})
        assert not browsers.headers.get("WWW-Authenticate", "").startswith("Basic"), "no window of the browser's own"


def test_a_browser_logs_in_by_a_form_and_out_again(page: Page) -> None:
    form = page.ask("/login", headers=NOBODY)
    assert form.status_code == 200
    assert 'autocomplete="current-password"' in form.text
    session = logged_in(page)
    assert page.ask("/", headers=session).status_code == 200
    assert page.get("/api/overview", headers=session)["user"] == USER
    out = page.ask("/logout", "POST", headers=session)
    assert re.search(r'notifier_session="";.*expires=', out.headers["Set-Cookie"])


def test_no_other_page_logs_a_browser_in_or_out(page: Page) -> None:
    for path, body in (("/login", {"user": USER, "password": PASSWORD}), ("/logout", {})):
        answer = page.ask(path, "POST", data=body, headers={**NOBODY, "Sec-Fetch-Site": "cross-site"})
        assert (answer.status_code, answer.json()["reason"]) == (403, "other_origin")


def test_behind_a_proxy_with_tls_the_session_goes_over_tls_alone(page: Page) -> None:
    sent = {"data": {"user": USER, "password": PASSWORD}, "headers": {**NOBODY, "X-Forwarded-Proto": "https"}}
    assert "Secure" in page.ask("/login", "POST", **sent).headers["Set-Cookie"]
    page.said.pop()


def test_a_wrong_password_is_refused_and_not_repeated(page: Page, caplog: pytest.LogCaptureFixture) -> None:
    answer = page.ask("/login", "POST", data={"user": USER, "password": "guess-12345"}, headers=NOBODY)
    assert answer.status_code == 401
    assert "not the user's password" in answer.text
    assert "guess-12345" not in answer.text + caplog.text
    assert "a wrong login from 127.0.0.1" in caplog.text


def test_after_many_wrong_passwords_none_is_looked_at_and_sessions_go_on(make_page: MakePage) -> None:
    page = make_page(login=Login(USER, PASSWORD))
    session = logged_in(page)
    for _ in range(FAILURES_MAX):
        assert page.ask("/api/waiting", headers={"Authorization": basic("ops", "wrong")}).status_code == 401
    for ask in (
        lambda: page.ask("/api/waiting"),
        lambda: page.ask("/login", "POST", data={"user": USER, "password": PASSWORD}, headers=NOBODY),
    ):
        answer = ask()
        assert (answer.status_code, answer.json()["reason"]) == (429, "too_many_attempts")
        assert 0 < int(answer.headers["Retry-After"]) <= FAILURES_SECONDS
    assert page.ask("/api/waiting", headers=session).status_code == 200


def test_attempts_are_counted_by_address_and_forgotten() -> None:
    at = [0.0]
    attempts = Attempts(lambda: at[0])
    for _ in range(FAILURES_MAX):
        assert attempts.wait_seconds("a") == 0
        attempts.failed("a")
    assert (attempts.wait_seconds("a"), attempts.wait_seconds("b")) == (FAILURES_SECONDS, 0)
    at[0] = FAILURES_SECONDS
    assert attempts.wait_seconds("a") == 0
    attempts.failed("a")
    assert attempts.wait_seconds("a") == 0


def test_a_session_is_over_after_hours_and_cannot_be_made_by_others(login: Login) -> None:
    at = [1_000_000.0]
    own = Login(USER, PASSWORD, now=lambda: at[0])
    session = own.new_session()
    assert own.knows_session(session)
    assert Login(USER, PASSWORD, now=lambda: at[0]).knows_session(session), "another process, or after a restart"
    ends, nonce, signature = session.split(".")
    for forged in ("", "..", "x", f"{int(ends) + 1}.{nonce}.{signature}", f"{ends}.{nonce}.", f"{session}x", "é.é.é"):
        assert not own.knows_session(forged)
    assert not Login(USER, "fake-token-other", now=lambda: at[0]).knows_session(session)
    assert not Login(USER, None).knows_session(session)
    at[0] += SESSION_SECONDS
    assert not own.knows_session(session)


@pytest.mark.parametrize("given", ["", "Basic", "Basic !", "Basic eA==", "Bearer dTpw", "Basic /////w=="])
def test_what_is_no_basic_login_is_none(given: str) -> None:
    assert basic_login(given) is None


def test_without_a_password_everybody_on_this_machine_is_the_user(make_page: MakePage) -> None:
    page = make_page(login=Login("notifier", None))
    found = page.get("/api/overview", headers=NOBODY)
    assert (found["login"], found["user"]) == (False, "notifier")
    assert page.ask("/login", headers=NOBODY).headers["Location"] == "./"


def test_a_name_that_is_not_ours_is_refused(make_page: MakePage) -> None:
    page = make_page(login=Login("notifier", None))
    for host in ("evil.example", "notifier.example.evil.example", "localhost.evil.example", "0x7f.1"):
        for path in ("/", "/api/overview", "/login", "/page.js"):
            answer = page.ask(path, headers={**NOBODY, "Host": host})
            assert answer.status_code == 403
            assert "NOTIFIER_WEB_HOSTS" in answer.json()["problem"]
    for host in ("localhost:1", "LOCALHOST", "127.0.0.1", "[::1]:80", "Notifier.Example", "10.1.2.3:9"):
        assert page.ask("/live", headers={**NOBODY, "Host": host}).status_code == 200
        assert page.ask("/api/audit", headers={**NOBODY, "Host": host}).status_code == 200


def test_who_sends_the_password_may_call_it_by_any_name(page: Page) -> None:
    assert page.ask("/api/overview", headers={"Host": "web:8027"}).status_code == 200
    assert page.ask("/api/overview", headers={"Host": "web:8027", **logged_in(page)}).status_code == 403


def test_containers_ask_without_login_and_by_any_name(page: Page) -> None:
    for path in ("/live", "/ready"):
        answer = page.ask(path, headers={**NOBODY, "Host": "web"})
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_every_answer_has_the_headers_that_protect_a_browser(page: Page) -> None:
    for path in ("/", "/login", "/page.js", "/api/overview", "/api/none", "/live", "/api/alerts/none"):
        headers = page.ask(path).headers
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["Cache-Control"] in ("no-store", "no-cache")
        assert "Server" not in headers
    policy = page.ask("/").headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "img-src 'self' data:;" in policy
    assert "http:" in page.ask("/?pictures=outside").headers["Content-Security-Policy"]


def test_the_page_and_the_drawing_of_messages_are_served(page: Page) -> None:
    names = re.findall(r'(?:src|href)="([^"]+\.(?:js|css))"', page.ask("/").text)
    assert names
    for name in {*names, *DRAWN_BY}:
        answer = page.ask(f"/{name}", headers=NOBODY)
        assert answer.status_code == 200, name
        kind = "text/javascript" if name.endswith(".js") else "text/css"
        assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"
    for name in ("nothing.js", "..%2flogin.py", "login.html", "../sandbox/page.html"):
        assert page.ask(f"/{name}").status_code == 404


def test_our_pages_have_no_script_and_no_style_of_their_own() -> None:
    import notifier.web

    pages = list((Path(notifier.web.__file__).parent / "page").glob("*.html"))
    assert len(pages) >= 2
    for each in pages:
        text = each.read_text(encoding="utf-8")
        assert re.findall(r"<script(?![^>]* src=)|<style|\sstyle=|\son[a-z]+=|javascript:", text) == []


def test_too_large_a_body_is_refused(page: Page) -> None:
    for more in (NOBODY, {}):
        answer = page.ask("/login", "POST", data=b"x" * (2**20 + 1), headers=more)
        assert (answer.status_code, answer.json()["reason"]) == (413, "too_large")
    assert page.ask("/api/waiting", "POST", data=b"x" * (2**20 + 1), headers=NOBODY).status_code == 401


def test_another_method_is_answered_as_json(page: Page) -> None:
    answer = page.ask("/api/waiting", "PUT")
    assert (answer.status_code, json.loads(answer.text)["reason"]) == (405, "http_error")


def test_of_a_body_that_is_too_large_nothing_is_kept() -> None:
    handler = object.__new__(Answering)
    handler._body, handler._size = bytearray(), 0
    kept = 0
    for _ in range(64):
        handler.data_received(b"x" * 2**16)
        kept = max(kept, len(handler._body))
    assert (kept, len(handler._body), handler._size) == (BODY_BYTES_MAX, 0, 2**22)


def test_a_request_that_is_none_is_logged_without_its_password(page: Page, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"), socket.create_connection(("127.0.0.1", page.port), 10) as raw:
        raw.sendall(f"GET / HTTP/1.1\r\nHost: x\r\nAuthorization {basic()}: x\r\n\r\n".encode())
        raw.settimeout(10)
        assert raw.recv(1000).startswith(b"HTTP/1.1 400")
    assert "Malformed HTTP message" in caplog.text
    assert basic().removeprefix("Basic ") not in caplog.text
