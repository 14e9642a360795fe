"""FastAPI itself: what fails in a request is one alert, and what it answers is none."""

from typing import Annotated, Any

import pytest
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException
from fastapi.responses import PlainTextResponse
from fastapi.testclient import TestClient

import notifier
from notifier.integrations.starlette import NotifierMiddleware
from notifier.testing import Alerts


class Refused(Exception):
    """What a handler of the application takes."""


def user() -> str:
    raise KeyError("no session")


def application() -> FastAPI:
    """A FastAPI application without any middleware of its own."""
    app = FastAPI()

    @app.post("/orders/{number}")
    async def fail(number: int) -> None:
        raise ValueError(f"no order __{number}__")

    @app.get("/in-thread")
    def fail_in_thread() -> None:
        raise OSError("in a thread")

    @app.get("/depends")
    async def depends(user: Annotated[str, Depends(user)]) -> None: ...

    @app.get("/background")
    async def background(tasks: BackgroundTasks) -> str:
        tasks.add_task(user)
        return "fine"

    @app.get("/missing")
    async def missing() -> None:
        raise HTTPException(404)

    @app.get("/broken")
    async def broken() -> None:
        raise HTTPException(503, "on purpose")

    @app.get("/refused")
    async def refuse() -> None:
        raise Refused

    @app.exception_handler(Refused)
    async def answer(*_: Any) -> PlainTextResponse:
        return PlainTextResponse("refused", status_code=409)

    return app


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A client of that application with our middleware."""
    monkeypatch.setattr("atexit.register", lambda _: None)
    app = application()
    app.add_middleware(NotifierMiddleware, source="shop")
    return TestClient(app, raise_server_exceptions=False)


def test_an_unhandled_exception_is_one_alert(client: TestClient, alerts: Alerts) -> None:
    assert client.post("/orders/17?page=2&token=fake-secret-1").status_code == 500
    (alert,) = alerts.sent
    assert alert.title == "POST /orders/{number} failed: ValueError: no order __17__"
    assert (alert.alert_type, alert.source) == ("error", "shop")
    assert alert.dedup_key == "request/shop/POST /orders/(number)/ValueError"
    assert {each.name: each.value for each in alert.fields} == {"Path": "/orders/17", "Query": "page=2 token=(masked)"}
    assert "in fail\n" in str(alert.traceback)


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/in-thread", 500, "GET /in-thread failed: OSError: in a thread"),
        ("/depends", 500, "GET /depends failed: KeyError: 'no session'"),
        ("/background", 200, "After its answer, GET /background failed: KeyError: 'no session'"),
    ],
)
def test_wherever_it_is_raised(client: TestClient, alerts: Alerts, path: str, status: int, title: str) -> None:
    assert client.get(path).status_code == status
    assert [each.title for each in alerts.sent] == [title]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("get", "/missing", 404),
        ("get", "/broken", 503),
        ("get", "/refused", 409),
        ("post", "/orders/none", 422),
        ("get", "/orders/17", 405),
        ("get", "/no-such-path", 404),
        ("get", "/docs", 200),
    ],
)
def test_what_the_application_answers_is_none(
    client: TestClient, alerts: Alerts, method: str, path: str, status: int
) -> None:
    assert client.request(method, path).status_code == status
    alerts.assert_none_sent()


def test_init_puts_it_around_fastapi_once(alerts: Alerts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifier.integrations.hooks._of_python", lambda _: [])
    monkeypatch.setattr("atexit.register", lambda _: None)
    app = application()
    for _ in range(2):
        assert notifier.init(starlette_app=app) == ["starlette"]
    with pytest.raises(ValueError, match="no order"):
        TestClient(app).post("/orders/17")
    assert len(alerts.sent) == 1
