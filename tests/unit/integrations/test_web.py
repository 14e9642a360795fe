"""Starlette and Flask themselves: what fails in a request is an alert, and fails as ever."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from notifier.errors import InvalidMessage
from notifier.integrations.flask import Notifier
from notifier.integrations.log_handler import DiscordHandler
from notifier.integrations.starlette import NotifierMiddleware
from notifier.models import NotificationMessage
from notifier.testing import Alerts


@pytest.fixture(autouse=True)
def nothing_at_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test has folded is not told when the test run ends."""
    monkeypatch.setattr("atexit.register", lambda _: None)


class Refused(Exception):
    """What a handler of the application takes."""


async def fail(request: Request) -> Response:
    raise ValueError(f"no order __{request.path_params['number']}__")


def fail_in_thread(request: Request) -> Response:
    raise KeyError("thread")


async def not_found(request: Request) -> Response:
    raise HTTPException(404)


async def refuse(request: Request) -> Response:
    raise Refused


async def background(request: Request) -> Response:
    def task() -> None:
        raise OSError("after the answer")

    return PlainTextResponse("fine", background=BackgroundTask(task))


async def stream(request: Request) -> Response:
    async def parts() -> AsyncIterator[str]:
        yield "a"
        raise OSError("in the middle")

    return StreamingResponse(parts())


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    raise ValueError("socket")


async def answer(request: Request, error: Exception) -> Response:
    return PlainTextResponse("refused", status_code=409)


class Login(AuthenticationBackend):
    async def authenticate(self, conn: Any) -> tuple[AuthCredentials, SimpleUser]:
        return AuthCredentials(["user"]), SimpleUser("ann")


class Passing(BaseHTTPMiddleware):
    """As people write theirs."""

    async def dispatch(self, request: Request, call_next: Callable[..., Any]) -> Response:
        response: Response = await call_next(request)
        return response


ROUTES = [
    Route("/orders/{number:int}/lines", fail, methods=["GET", "POST"]),
    Mount("/inner", routes=[Route("/thread", fail_in_thread)]),
    Mount("/shop", app=Starlette(routes=[Route("/{item}", fail_in_thread)])),
    Route("/missing", not_found),
    Route("/refused", refuse),
    Route("/background", background),
    Route("/stream", stream),
    WebSocketRoute("/socket", socket),
]


@pytest.fixture(params=[[], [Passing], ["outside"]], ids=["alone", "around another", "within another"])
def client(request: pytest.FixtureRequest) -> TestClient:
    """A client of an application with our middleware."""
    ours: list[Any] = [Middleware(NotifierMiddleware, source="shop"), Middleware(AuthenticationMiddleware, Login())]
    other = [Middleware(Passing)]
    middleware = other + ours if request.param == ["outside"] else ours + (other if request.param else [])
    app = Starlette(routes=ROUTES, middleware=middleware, exception_handlers={Refused: answer})
    return TestClient(app, raise_server_exceptions=False)


def fields_of(alert: NotificationMessage) -> dict[str, str]:
    return {each.name: each.value for each in alert.fields}


def test_what_fails_in_starlette_is_an_alert_and_fails_as_ever(client: TestClient, alerts: Alerts) -> None:
    assert client.post("/orders/17/lines?page=2&api_key=fake-secret-1").status_code == 500
    (alert,) = alerts.sent
    title = alert.title.replace("{number}", "{number:int}")  # as older versions say
    assert title == "POST /orders/{number:int}/lines failed: ValueError: no order __17__"
    assert "title" in alert.plain
    assert fields_of(alert) == {"Path": "/orders/17/lines", "Query": "page=2 api_key=(masked)", "User": "ann"}
    assert "in fail\n" in str(alert.traceback)
    assert (alert.alert_type, alert.source) == ("error", "shop")
    assert "fake-secret-1" not in alert.model_dump_json()


def test_a_view_in_a_thread_a_stream_and_a_background_task_as_well(client: TestClient, alerts: Alerts) -> None:
    assert client.get("/inner/thread").status_code == 500
    assert client.get("/background").text == "fine"
    client.get("/stream")
    thread, background, stream = (each.title for each in alerts.sent)
    assert thread == "GET /inner/thread failed: KeyError: 'thread'"
    assert background == "After its answer, GET /background failed: OSError: after the answer"
    # Starlette's own BaseHTTPMiddleware ends the answer before it lets the exception through
    assert stream.removeprefix("After its answer, ") == "GET /stream failed: OSError: in the middle"


def test_a_mounted_application_as_well(client: TestClient, alerts: Alerts) -> None:
    assert client.get("/shop/17").status_code == 500
    assert [each.title for each in alerts.sent] == ["GET /shop/{item} failed: KeyError: 'thread'"]


def test_what_the_application_answers_is_none(client: TestClient, alerts: Alerts) -> None:
    assert client.get("/missing").status_code == 404
    assert client.get("/refused").status_code == 409
    alerts.assert_none_sent()


def test_the_exception_goes_on(alerts: Alerts) -> None:
    client = TestClient(Starlette(routes=ROUTES, middleware=[Middleware(NotifierMiddleware, ignore=[ValueError])]))
    with pytest.raises(KeyError):
        client.get("/inner/thread")
    with pytest.raises(ValueError, match="17"):
        client.get("/orders/17/lines")
    alerts.assert_sent(title=re.compile("thread"), count=1)
    assert len(alerts.sent) == 1, "what is ignored is none"


async def upload(request: Request) -> Response:
    return PlainTextResponse(await request.body())


async def talk(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.receive_text()


def test_a_client_that_goes_is_none(alerts: Alerts) -> None:
    async def gone() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None: ...

    routes = [Route("/upload", upload, methods=["POST"]), WebSocketRoute("/talk", talk)]
    app = Starlette(routes=routes, middleware=[Middleware(NotifierMiddleware)])
    with pytest.raises(WebSocketDisconnect), TestClient(app).websocket_connect("/talk") as websocket:
        websocket.close()
    scope = {"type": "http", "method": "POST", "path": "/upload", "headers": [], "query_string": b""}
    with pytest.raises(ClientDisconnect):
        asyncio.run(app(scope, gone, send))
    alerts.assert_none_sent()


def test_one_exception_that_is_raised_by_many_requests_is_counted_for_each(alerts: Alerts) -> None:
    broken = OSError("no database")  # such as that of a future for which all of them wait

    async def fail_alike(request: Request) -> Response:
        raise broken

    inner = Starlette(routes=[Route("/", fail_alike)], middleware=[Middleware(NotifierMiddleware, fold_seconds=0)])
    app = Starlette(routes=[Mount("/in", app=inner)], middleware=[Middleware(NotifierMiddleware, fold_seconds=0)])
    client = TestClient(app, raise_server_exceptions=False)
    for _ in range(3):
        client.get("/in/")
    assert len(alerts.sent) == 3


def test_web_sockets_and_the_start_of_an_application(alerts: Alerts) -> None:
    async def broken(app: Starlette) -> AsyncIterator[None]:
        raise OSError("no database")
        yield

    app = Starlette(routes=ROUTES, middleware=[Middleware(NotifierMiddleware)], lifespan=asynccontextmanager(broken))
    with pytest.raises(OSError, match="database"), TestClient(app):
        pass
    with pytest.raises(ValueError, match="socket"), TestClient(app).websocket_connect("/socket"):
        pass
    assert [each.title for each in alerts.sent] == [
        "Start or end of the application failed: OSError: no database",
        "WebSocket /socket failed: ValueError: socket",
    ]


@pytest.fixture
def flask() -> Flask:
    """An application of Flask's."""
    app = Flask("shop")

    @app.route("/orders/<int:number>", methods=["GET", "POST"])
    def fail(number: int) -> str:
        g._login_user = SimpleNamespace(get_id=lambda: "17")
        raise ValueError(f"no order __{number}__")

    @app.route("/refused")
    def refuse() -> str:
        raise Refused

    @app.errorhandler(Refused)
    def answer(error: Refused) -> tuple[str, int]:
        return "refused", 409

    return app


def test_what_fails_in_flask_is_one_alert_though_flask_logs_it_too(flask: Flask, alerts: Alerts) -> None:
    handler = DiscordHandler()
    flask.logger.addHandler(handler)
    try:
        Notifier(flask, type="critical")
        client = flask.test_client()
        assert client.post("/orders/17?page=2&token=fake-secret-1").status_code == 500
        assert client.post("/orders/18").status_code == 500
        assert client.get("/refused").status_code == 409
        assert client.get("/missing").status_code == 404
        handler.flush(30)
    finally:
        flask.logger.removeHandler(handler)
    alert, again = alerts.sent
    assert alert.dedup_key == again.dedup_key == "request/shop/POST /orders/<int:number>/ValueError"
    assert alert.title == "POST /orders/<int:number> failed: ValueError: no order __17__"
    assert fields_of(alert) == {"Path": "/orders/17", "Query": "page=2 token=(masked)", "User": "17"}
    assert (alert.alert_type, alert.source) == ("critical", "shop")
    assert "fake-secret-1" not in alert.model_dump_json()


def test_what_is_ignored_is_no_alert_of_flasks_log_either(flask: Flask, alerts: Alerts) -> None:
    Notifier(flask, ignore=[ValueError])
    handler = DiscordHandler()
    flask.logger.addHandler(handler)
    assert flask.test_client().get("/orders/17").status_code == 500
    handler.flush()
    flask.logger.removeHandler(handler)
    alerts.assert_none_sent()


def test_who_is_not_logged_in_is_no_user_and_a_path_without_values_is_told_once(alerts: Alerts) -> None:
    class Anyone(AuthenticationBackend):
        async def authenticate(self, conn: Any) -> None:
            return None

    ours = [Middleware(NotifierMiddleware), Middleware(AuthenticationMiddleware, Anyone())]
    app = Starlette(routes=ROUTES, middleware=ours)
    TestClient(app, raise_server_exceptions=False).get("/background")
    assert fields_of(alerts.assert_sent(count=1)) == {}


def test_an_extension_begins_later_and_only_for_its_own_application(
    flask: Flask, alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Flask("other")
    extension = Notifier(ignore=[KeyError])
    extension.init_app(other)
    del extension
    monkeypatch.setattr(flask.logger, "disabled", True)
    flask.test_client().get("/orders/17")
    alerts.assert_none_sent()
    other.add_url_rule("/", view_func=lambda: 1 / 0)
    other.test_client().get("/")
    assert alerts.assert_sent(count=1).title.startswith("GET / failed: ZeroDivisionError")


def test_a_type_that_there_is_not_is_told_where_it_is_written() -> None:
    for make in (lambda: Notifier(type="errors"), lambda: NotifierMiddleware(lambda: None, type="errors")):  # type: ignore[arg-type,return-value]
        with pytest.raises(InvalidMessage, match="errors"):
            make()
