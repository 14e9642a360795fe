"""What tests of the intake share."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import AsyncHTTPClient, HTTPRequest

from notifier.intake.given_body import Taken
from notifier.intake.server import Server
from notifier.intake.shapes import SHAPES
from notifier.intake.tokens import Tokens
from notifier.models import NotificationMessage

BODIES = Path(__file__).parents[2] / "data" / "intake"


@pytest.fixture
def body() -> Callable[[str], Any]:
    """A body from another program's own documentation or tests; its file says from where."""
    return lambda name: json.loads((BODIES / f"{name}.json").read_text(encoding="utf-8"))["body"]


def taken(shape: str, body: Any) -> list[Taken]:
    """What a shape reads of a body."""
    return SHAPES[shape](body)


def read(shape: str, body: Any) -> list[NotificationMessage]:
    """The alerts of a body."""
    return [NotificationMessage(**each.fields) for each in taken(shape, body)]


def fields(alert: NotificationMessage) -> dict[str, str]:
    """Its fields."""
    return {each.name: each.value for each in alert.fields}


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
