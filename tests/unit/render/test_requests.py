"""Any message becomes a request that Discord takes: by the rules of the sandbox, which share no code with ours.

Each is read from its bytes, so what the encoding does to names and types is tried as well.
"""

import io
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from notifier.discord.client import DiscordClient
from notifier.discord.wire import OneShotAdapter
from notifier.outcome import Answer, Delivered
from notifier.render.batch import Payload, compose, measure
from notifier.render.limits import EMBEDS_MAX, EMBEDS_TOTAL_CHARACTERS_MAX
from notifier.render.ornaments import ornaments, refused_by_form
from notifier.sandbox.answer import RefusalError, json_answer
from notifier.sandbox.body import Upload, read_body
from notifier.sandbox.call import Call, Endpoint, Route
from notifier.sandbox.endpoints import Endpoints
from notifier.sandbox.store import Store, Thread
from notifier.sandbox.store import Webhook as Hook
from notifier.settings import Webhook
from tests.unit.render.discord_rules import violations
from tests.unit.render.messages import EXTRAS, messages


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


@given(st.data())
def test_any_message_is_taken_as_it_is_and_without_any_of_its_ornaments(discord: Discord, data: st.DataObject) -> None:
    message = data.draw(messages(**EXTRAS))
    in_forum = data.draw(st.booleans())
    left_out = refused_by_form(message) | (frozenset() if in_forum else {"thread_name"})
    check(discord, compose([message], [""], [left_out], in_forum=in_forum), in_forum)
    # the name of a post is none in a forum
    some = data.draw(st.sets(st.sampled_from(sorted(ornaments(message) - {"thread_name"}))))
    check(discord, compose([message], [""], [left_out | some], in_forum=in_forum), in_forum)


@given(st.data())
def test_any_that_may_share_a_request_are_taken_together(discord: Discord, data: st.DataObject) -> None:
    same = {name: st.just(data.draw(EXTRAS[name])) for name in ("tts", "silent")}
    some = {name: EXTRAS[name] for name in ("author", "thumbnail", "image", "footer_icon", "traceback")}
    one = data.draw(messages(**same, **some))
    look = {name: st.just(getattr(one, name)) for name in ("username", "avatar_url", "thread_id", "mentions")}
    batch, room = [one], EMBEDS_TOTAL_CHARACTERS_MAX - measure(one).characters
    for each in data.draw(st.lists(messages(**same, **some, **look), max_size=EMBEDS_MAX - 1)):
        load = measure(each)
        if load.batch_key and load.batch_key == measure(one).batch_key and load.characters <= room:
            batch.append(each)
            room -= load.characters
    in_forum = data.draw(st.booleans())
    check(discord, compose(batch, in_forum=in_forum), in_forum)


def check(discord: Discord, payload: Payload, in_forum: bool) -> None:
    answer, shown = discord.post(payload, in_forum=in_forum)
    assert discord.refused is None
    assert isinstance(answer.outcome, Delivered)
    assert violations(payload) == []
    names = [file["filename"] for file in shown["attachments"]]
    assert names == [file.name for file in payload.files], "as Discord leaves them"
    assert len(set(names)) == len(names)
    sent = [(file.filename, file.content_type, file.data) for file in discord.uploads]
    assert sent == [(file.name, file.content_type, file.content) for file in payload.files]
    for embed in payload.body["embeds"]:
        pictures = [embed[key]["url"] for key in ("image", "thumbnail") if key in embed]
        assert {url.removeprefix("attachment://") for url in pictures if url.startswith("attachment://")} <= set(names)
