"""One request to a webhook, and its answer as a value."""

import json
import os
import threading
import time
from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import requests
import urllib3

from notifier.discord.outcomes import outcome_of, outcome_of_exception, rate_limit_of, snowflake
from notifier.discord.redaction import install_log_redaction, redact
from notifier.discord.wire import OneShotAdapter
from notifier.outcome import Answer, Delivered, WebhookInfo
from notifier.render.batch import Payload
from notifier.tracing import requesting
from notifier.version import VERSION
from notifier.webhook import Webhook

USER_AGENT = f"DiscordBot (https://notifier.invalid, {VERSION})"
"""The documented form; others may be blocked (Discord docs, reference.mdx)."""
CONNECT_SECONDS_MAX = 3
"""Ours, per address: Discord has several, and all of them together must stay below a request's lease."""
BODY_BYTES_MAX = 2**20
"""Ours: Discord's answers are far smaller."""
CHUNK_BYTES = 16_384
IDLE_SECONDS_MAX = 60
"""Ours: routers drop idle connections silently; a request on such a connection is lost until its timeout."""
WEBHOOKS_KEPT = 64
"""Ours: requests to more of them are made anew each time."""
BEGINNING_BYTES = 2_000
"""Ours: of a body that is no JSON, enough to know whose page it is."""
FOREIGN_EXCEPTIONS = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)
"""requests lets those of urllib3 through, and raises the last two bare for files and addresses that it cannot use."""

NO_CONTENT = 204


class DiscordClient:
    """Posts to webhooks of one Discord. Thread-safe and fork-safe.

    Args:
        api_url: as ``https://discord.com/api/v10``.
        timeout_seconds: for connecting to an address, and again for the whole answer.
    """

    def __init__(self, api_url: str, timeout_seconds: float) -> None:
        self._api_url = api_url.rstrip("/")
        self._timeout_seconds = timeout_seconds
        self._local = threading.local()
        install_log_redaction()

    def execute(self, webhook: Webhook, payload: Payload) -> Answer:
        """Post one message and wait for Discord to store it (Execute Webhook, webhook.mdx)."""
        opens_thread = "thread_name" in payload.body  # then not in the one of the webhook's URL (code 220002)
        thread_id = payload.thread_id or (None if opens_thread else webhook.thread_id)
        query = {"wait": "true", **_place(payload, thread_id)}
        answer, _ = self._request("POST", webhook, query, _content(payload))
        return answer

    def edit(self, webhook: Webhook, message_id: str, payload: Payload, thread_id: str | None) -> Answer:
        """Change a message of this webhook (Edit Webhook Message, webhook.mdx). To repeat it changes nothing more."""
        answer, _ = self._request("PATCH", webhook, _place(payload, thread_id), _content(payload), message_id)
        return answer

    def delete(self, webhook: Webhook, message_id: str, thread_id: str | None) -> Answer:
        """Delete a message of this webhook (Delete Webhook Message, webhook.mdx)."""
        query = {"thread_id": thread_id} if thread_id else {}
        answer, _ = self._request("DELETE", webhook, query, {}, message_id)
        return replace(answer, outcome=Delivered(None, None)) if answer.http_status == NO_CONTENT else answer

    def get_webhook(self, webhook: Webhook) -> WebhookInfo:
        """Fetch a webhook's name, channel and server (Get Webhook with Token, webhook.mdx). Posts nothing."""
        answer, found = self._request("GET", webhook, {}, {})
        told = found if isinstance(answer.outcome, Delivered) else {}
        name = told.get("name")
        return WebhookInfo(
            answer, snowflake(told, "channel_id"), snowflake(told, "guild_id"), name if isinstance(name, str) else None
        )

    def _request(
        self, method: str, webhook: Webhook, query: dict[str, str], body: dict[str, Any], message_id: str = ""
    ) -> tuple[Answer, dict[str, Any]]:
        token = webhook.token.get_secret_value()
        url = f"{self._api_url}/webhooks/{webhook.id}/{token}" + (f"/messages/{message_id}" if message_id else "")
        with requesting(method, redact(url)) as answered:
            answer, found = self._ask(method, url, token, query, body)
            answered(answer.http_status, None if isinstance(answer.outcome, Delivered) else answer.outcome.reason)
        return answer, found

    def _ask(
        self, method: str, url: str, token: str, query: dict[str, str], body: dict[str, Any]
    ) -> tuple[Answer, dict[str, Any]]:
        try:
            response = self._session().request(
                method,
                url,
                params=query,
                timeout=(min(CONNECT_SECONDS_MAX, self._timeout_seconds), self._timeout_seconds),
                allow_redirects=False,
                stream=True,
                **body,
            )
        except FOREIGN_EXCEPTIONS as error:
            return Answer(outcome_of_exception(error)), {}
        with response:
            read = _read(response)
            found, text = _object(read), (read or b"")[:BEGINNING_BYTES].decode("latin-1")
            outcome = outcome_of(response.status_code, response.headers, found, text=text, secret=token)
            return Answer(outcome, rate_limit_of(response.headers), response.status_code), found or {}

    def _session(self) -> requests.Session:
        # one per thread (requests promises no more) and per process (a fork would share the connection)
        local, now = self._local, time.monotonic()
        if getattr(local, "pid", None) != os.getpid():
            local.pid, local.session = os.getpid(), _new_session()
        elif now - local.used_at > IDLE_SECONDS_MAX:
            local.session.close()
        local.used_at = now
        session: requests.Session = local.session
        return session


def _place(payload: Payload, thread_id: str | None) -> dict[str, str]:
    query = {"thread_id": thread_id} if thread_id else {}
    if "components" in payload.body:
        query["with_components"] = "true"  # without it they are ignored in silence (discord-api-docs #7368)
    return query


def _content(payload: Payload) -> dict[str, Any]:
    if not payload.files:
        return {"json": payload.body}
    parts = {
        f"files[{number}]": (file.name, file.content, file.content_type) for number, file in enumerate(payload.files)
    }
    return {"data": {"payload_json": json.dumps(payload.body)}, "files": parts}


class _Session(requests.Session):
    """Asks one Discord."""

    _environment: Any = None

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[Hashable, requests.PreparedRequest] = {}

    def prepare_request(self, request: Any) -> requests.PreparedRequest:
        """As in ``requests``, but what is the same for all messages to a webhook is made once."""
        if request.files:
            return super().prepare_request(request)
        place = request.method, request.url, tuple(request.params.items())
        if (made := self._made.get(place)) is None:
            if len(self._made) >= WEBHOOKS_KEPT:
                self._made.clear()
            bare = requests.Request(request.method, request.url, params=request.params)
            made = self._made[place] = super().prepare_request(bare)
            made.headers.pop("Cookie", None)  # they change
        prepared = made.copy()
        prepared.prepare_body(request.data, None, request.json)
        if self.cookies:
            prepared.prepare_cookies(self.cookies)
        return prepared

    def merge_environment_settings(self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any) -> Any:
        """Proxies and certificates, looked up once: the whole environment is read for it."""
        if self._environment is None:
            self._environment = super().merge_environment_settings(url, proxies, stream, verify, cert)
        return self._environment

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere: to say where a ``Location`` leads, requests would read the whole body, however long."""


def _new_session() -> requests.Session:
    session = _Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, OneShotAdapter())
    session.headers["User-Agent"] = USER_AGENT
    session.auth = lambda request: request  # otherwise requests adds credentials from a .netrc
    return session


def _read(response: requests.Response) -> bytes | None:
    """Read the body; None if it broke off or is too long. The status is known even then."""
    body = b""
    try:
        for chunk in response.iter_content(CHUNK_BYTES):
            body += chunk
            if len(body) > BODY_BYTES_MAX:
                return None
    except FOREIGN_EXCEPTIONS:
        return None
    return body


def _object(body: bytes | None) -> dict[str, Any] | None:
    try:
        found = json.loads(body or b"")
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
