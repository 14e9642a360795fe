"""The operator's page on a real Redis, asked over real HTTP; its pipeline is driven as workers would."""

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests

from notifier.models import AlertType
from notifier.outbox.claim import Batch
from notifier.outcome import Outcome, Reason, Rejected
from notifier.pipeline import Pipeline
from notifier.settings import Settings
from notifier.web.answering import Shared
from notifier.web.login import Attempts, Login
from notifier.web.server import Server
from tests.e2e.conftest import client_app
from tests.integration.conftest import OTHER_WEBHOOK, WEBHOOK, WORKER, Bench
from tests.names import names
from tests.no_secrets import assert_no_secrets
from tests.servers import until

USER, PASSWORD, METRICS_TOKEN = "ops", "fake-token-of-the-page", "fake-token-of-the-metrics"
ACTION = {"X-Requested-With": "notifier"}


@pytest.fixture(scope="session")
def made_once() -> Login:
    """Its key takes a while to be made."""
    return Login(USER, PASSWORD, METRICS_TOKEN)


@pytest.fixture
def login(made_once: Login) -> Login:
    """A login of which no attempt is known."""
    own = copy(made_once)
    own.attempts = Attempts()
    return own


@dataclass
class Page:
    """A page that is served to one test."""

    port: int
    shared: Shared
    bench: Bench
    said: list[str] = field(default_factory=list)

    @property
    def pipeline(self) -> Pipeline:
        """Its pipeline."""
        return self.shared.pipeline

    def carry(self, outcome: Outcome | None = None, **more: Any) -> None:
        """Deliver what waits of general alerts, or try to."""
        batches: list[Batch] = []

        def claimed() -> bool:
            claim = self.bench.claim()
            batches.extend([claim] if isinstance(claim, Batch) else [])
            return bool(batches)

        until(claimed, "a batch", poll_seconds=0.02)
        self.bench.commit(batches[0], outcome, **more)

    def deliver(self, *names: str) -> None:
        """Deliver alerts of these names."""
        self.bench.admit(*names)
        self.carry()

    def die(self, *names: str, **more: Any) -> None:
        """Let alerts of these names be dead letters."""
        for name in names:
            self.bench.admit(name, **more)
            self.carry(Rejected(Reason.INVALID_PAYLOAD, "too long"))

    def ask(self, path: str, method: str = "GET", **more: Any) -> requests.Response:
        """Ask as the user does, or as ``headers`` say; what is answered is looked at for secrets at the end."""
        headers = {"Authorization": basic(), **more.pop("headers", {})}
        sent = {name: value for name, value in headers.items() if value}
        address = f"http://127.0.0.1:{self.port}{path}"
        with requests.Session() as session:
            session.trust_env = False
            answer = session.request(method, address, headers=sent, timeout=20, allow_redirects=False, **more)
        self.said.append(f"{answer.headers} {answer.text}")
        return answer

    def get(self, path: str, **more: Any) -> Any:
        """The JSON that is answered."""
        answer = self.ask(path, **more)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def act(self, path: str, body: Any = None, method: str = "POST", **headers: str) -> requests.Response:
        """Do something."""
        own = {"Content-Type": "application/json", **ACTION, **headers}
        return self.ask(path, method, data=json.dumps(body if body is not None else {}), headers=own)


def basic(user: str = USER, password: str = PASSWORD) -> str:
    """HTTP Basic."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def serve(shared: Shared) -> tuple[int, Callable[[], None]]:
    """Serve in a thread; the port, and what ends it."""
    started, stop = threading.Event(), asyncio.Event()
    held: dict[str, Any] = {}

    async def run() -> None:
        server = Server("127.0.0.1", 0, shared)
        held.update(port=server.port, loop=asyncio.get_running_loop())
        started.set()
        await stop.wait()
        await server.close()

    thread = threading.Thread(target=lambda: asyncio.run(run()))
    thread.start()
    assert started.wait(60)

    def end() -> None:
        held["loop"].call_soon_threadsafe(stop.set)
        thread.join(60)
        assert not thread.is_alive()

    return held["port"], end


def bench_of(pipeline: Pipeline) -> Bench:
    """What workers do to it, by Redis' own clock."""
    pipeline.redis.set(names.worker(WORKER), 1, ex=600)
    parts = pipeline.outbox, pipeline.gate, pipeline.records, pipeline.withdrawals
    return Bench(pipeline.redis, pipeline.settings, *parts)


MakePage = Callable[..., Page]


@pytest.fixture
def make_page(redis_url: str, login: Login) -> Iterator[MakePage]:
    """Serves pages; settings by name. At the end nothing that was answered holds a secret."""
    ends: list[Callable[[], None]] = []
    pages: list[Page] = []

    def make(*, login: Login = login, read_only: bool = False, metrics_open: bool = False, **settings: Any) -> Page:
        webhooks = {AlertType.GENERAL: WEBHOOK, AlertType.ERROR: OTHER_WEBHOOK}
        own = Settings.load().model_copy(update={"webhooks": webhooks, **settings})
        pipeline = Pipeline(client_app(redis_url), own)
        shared = Shared(pipeline, login, frozenset({"notifier.example"}), read_only, metrics_open)
        port, end = serve(shared)
        ends.append(end)
        pages.append(Page(port, shared, bench_of(pipeline)))
        return pages[-1]

    yield make
    for each in ends:
        each()
    for each in pages:
        each.pipeline.redis.close()
        assert_no_secrets(texts={f"answer {number}": text for number, text in enumerate(each.said)})


@pytest.fixture
def page(make_page: MakePage) -> Page:
    """A page with the default settings."""
    return make_page()
