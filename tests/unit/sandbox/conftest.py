"""A sandbox without sockets, whose clock the test controls; and one that listens."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from notifier.sandbox.answer import Answer
from notifier.sandbox.call import Call
from notifier.sandbox.exchange import Exchange, Reply
from notifier.sandbox.limits import LimitSettings
from notifier.sandbox.server import Server, running

START = 1_800_000_000.0
JSON = {"Content-Type": "application/json", "User-Agent": "test/1"}


class Discord:
    """Calls the sandbox as a client would. Time passes when the test says so, and while a fault sleeps."""

    def __init__(self, settings: LimitSettings | None = None) -> None:
        self.now = START
        self.exchange = Exchange(lambda: self.now, settings, self._sleep)
        self.webhooks = list(self.exchange.store.webhooks.values())

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def url(self, number: int = 0, version: str = "/v10", rest: str = "") -> str:
        webhook = self.webhooks[number]
        return f"/api{version}/webhooks/{webhook.id}/{webhook.token}{rest}"

    def reply(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: str = "",
        headers: dict[str, str] | None = None,
        address: str = "127.0.0.1",
    ) -> Reply:
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        head = JSON if headers is None else headers
        call = Call(method, path, query, head, data, len(data), address, "http://sandbox")
        started = self.now
        reply = asyncio.run(self.exchange.reply(call))
        self.exchange.record(call, reply, started)
        return reply

    def call(self, *args: Any, **more: Any) -> Answer:
        answer = self.reply(*args, **more).answer
        assert answer is not None
        return answer

    def post(self, body: Any, number: int = 0, version: str = "/v10", query: str = "wait=true", **more: Any) -> Answer:
        return self.call("POST", self.url(number, version), body, query, **more)

    def titles(self) -> list[str]:
        return [message.shown["content"] for message in self.exchange.store.messages.values()]


@pytest.fixture
def discord() -> Discord:
    return Discord()


@pytest.fixture
def unlimited() -> Discord:
    return Discord(LimitSettings(enabled=False))


@pytest.fixture(scope="session")
def _server(own_environment: None) -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def server(_server: Server) -> Server:
    """One on the wire, in its start state."""
    _server.exchange.reset()
    return _server
