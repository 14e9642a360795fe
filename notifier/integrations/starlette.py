"""Starlette and FastAPI: ``app.add_middleware(NotifierMiddleware)``."""

from collections.abc import Iterable
from typing import Any

import anyio.to_thread
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from notifier.integrations.failed_request import FailedRequest, FailedRequests

GONE = (ClientDisconnect, WebSocketDisconnect)
"""The client has gone: nothing has failed here."""
TOLD = "notifier.told"
"""Key of a scope: the exception of which an alert is raised, for one of these middlewares may be within another."""
KINDS = {"websocket": "WebSocket", "lifespan": "Start or end of the application"}


class NotifierMiddleware:
    """Raises an alert of each exception that no handler of the application takes, and lets it through.

    That a client has gone is none. Background tasks are seen too, for they run before the application returns.

    Args:
        app: what it is put around.
        type: the alert type.
        ignore: classes of exceptions that are no alerts.
        fold_seconds: as for ``FailedRequests``.
        source: what the alerts name as their source.

    Raises:
        InvalidMessage: there is no such alert type.
    """

    def __init__(
        self,
        app: ASGIApp,
        type: str = "error",
        ignore: Iterable[type[BaseException]] = (),
        fold_seconds: float | None = None,
        source: str | None = None,
    ) -> None:
        self._app, self._requests = app, FailedRequests(type, (*GONE, *ignore), fold_seconds, source)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI says."""
        status, is_answered = 0, False

        async def send_on(message: Message) -> None:
            nonlocal status, is_answered
            await send(message)
            status = message.get("status", status)
            # a mounted application answers 500 by itself, and lets the exception through
            is_answered = message["type"] == "http.response.body" and not message.get("more_body") and status < 500

        try:
            await self._app(scope, receive, send_on)
        except Exception as error:
            if scope.get(TOLD) is not error:
                scope[TOLD] = error
                # a thread, for the loop waits for nothing
                await anyio.to_thread.run_sync(self._requests.tell, request_of(scope, is_answered=is_answered), error)
            raise


def request_of(scope: Scope, *, is_answered: bool = False) -> FailedRequest:
    """What an alert says of a request. ``is_answered``: what failed has followed the answer."""
    kind = KINDS.get(scope["type"]) or str(scope.get("method", "Request"))
    return FailedRequest(
        what=f"After its answer, {kind}" if is_answered else kind,
        route=_route(scope),
        path=str(scope.get("path", "")),
        query=bytes(scope.get("query_string", b"")).decode("latin-1"),
        user=_user(scope),
    )


def _route(scope: Scope) -> str:
    """The pattern. Who does not name its route names the values that it has taken from the path."""
    if route := getattr(scope.get("route"), "path", ""):
        return f"{scope.get('root_path', '')}{route}"  # where it is mounted
    names = {str(value): f"{{{name}}}" for name, value in (scope.get("path_params") or {}).items()}
    return "/".join(names.get(part, part) for part in str(scope.get("path", "")).split("/"))


def _user(scope: Scope) -> str:
    user: Any = scope.get("user")
    try:
        return str(user.display_name) if user is not None and user.is_authenticated else ""
    except Exception:  # of the host's own class
        return ""
