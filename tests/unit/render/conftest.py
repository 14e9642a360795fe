"""The sandbox's rules without a server: a client's requests, read from their bytes."""

import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from pydantic import SecretStr

from notifier.discord.client import DiscordClient
from notifier.discord.wire import OneShotAdapter
from notifier.outcome import Answer
from notifier.render.batch import Payload
from notifier.sandbox.answer import RefusalError, json_answer
from notifier.sandbox.body import Upload, read_body
from notifier.sandbox.call import Call, Endpoint, Route
from notifier.sandbox.endpoints import Endpoints
from notifier.sandbox.store import Store, Thread
from notifier.sandbox.store import Webhook as Hook
from notifier.webhook import Webhook


class Discord:
    """Answers the requests of a client by the rules of the sandbox."""

    def __init__(self) -> None:
        self.refused: Any = None
        self.uploads: tuple[Upload, ...] = ()
        self._client = DiscordClient("https://discord.invalid/api/v10", 1)

    def post(self, payload: Payload, *, in_forum: bool = False) -> tuple[Answer, dict[str, Any]]:
        """The answer, and the message that is in the channel. A thread that is named exists."""
        self._store, self.refused = Store(lambda *_: None), None
        self._hook = Hook("1", "not-a-real-token", "2", channel_type="forum" if in_forum else "text")
        if payload.thread_id:
            self._store.put_thread(Thread(payload.thread_id, "2"))
        answer = self._client.execute(Webhook("1", SecretStr("not-a-real-token")), payload)
        return answer, next(iter(self._store.messages.values())).shown if self._store.messages else {}

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:
        """As an adapter of requests."""
        assert isinstance(request.body, bytes)
        parts = urlsplit(request.url or "")
        call = Call(
            "POST", parts.path, parts.query, request.headers, request.body, len(request.body), "address", "http://base"
        )
        self.uploads = read_body(request.headers["Content-Type"], request.body, call.size).files
        route = Route(Endpoint.WEBHOOK, ("POST",), "1", "not-a-real-token")
        try:
            answer = Endpoints(self._store).perform(call, route, self._hook, 1e9, keep=True)
        except RefusalError as error:
            self.refused = (str(error), error.errors)
            answer = json_answer(400, {})
        response = requests.Response()
        response.status_code, response.raw = answer.status, io.BytesIO(answer.body)
        return response


@pytest.fixture(scope="module")
def discord() -> Iterator[Discord]:
    found = Discord()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OneShotAdapter, "send", lambda _, request, **more: found.send(request, **more))
        yield found
