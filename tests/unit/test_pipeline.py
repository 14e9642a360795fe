"""The parts of a process are built once, whoever asks for them first."""

import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any, cast
from unittest.mock import MagicMock

import pytest

from notifier import caller as caller_module
from notifier.outcome import Answer, Delivered, WebhookInfo
from notifier.pipeline import Pipeline
from notifier.settings import Settings
from notifier.storage.broker import create_app

THREADS = 8


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline(create_app("test-pipeline"), Settings.load())


def test_threads_that_ask_at_once_get_one_client(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[object] = []

    def build(*arguments: Any, **named: Any) -> object:
        built.append(arguments)
        time.sleep(0.05)  # long enough for all of them to ask meanwhile
        return object()

    monkeypatch.setattr(caller_module, "Client", build)
    together, found = threading.Barrier(THREADS), set[object]()

    def ask() -> None:
        together.wait()
        found.add(pipeline.client)

    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (len(built), len(found)) == (1, 1)


def in_child(ask: Any) -> bool:
    """The answer of a forked process."""
    child = os.fork()
    if not child:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)  # pytest-timeout's would raise, and the child be a second pytest
        try:
            answered = bool(ask())
        except BaseException:
            answered = False
        os._exit(0 if answered else 1)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_forked_process_builds_its_own_parts(pipeline: Pipeline) -> None:
    parents = {name: cast("object", getattr(pipeline, name)) for name in ("client", "publisher", "redis", "outbox")}
    pipeline.hostname = "worker@here"
    assert in_child(lambda: pipeline.announcer.events.hostname == "worker@here")
    assert in_child(lambda: all(getattr(pipeline, name) is not part for name, part in parents.items()))
    assert all(getattr(pipeline, name) is part for name, part in parents.items())


@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_process_that_is_forked_while_a_part_is_built_is_not_kept_waiting(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    building, forked = threading.Event(), threading.Event()

    def build(*_: object) -> object:
        building.set()
        forked.wait(30)
        return object()

    monkeypatch.setattr(caller_module, "Keys", build)
    thread = threading.Thread(target=lambda: pipeline.keys)
    thread.start()
    building.wait(30)

    def ask() -> bool:
        signal.alarm(10)  # ends a process that waits for ever
        monkeypatch.setattr(caller_module, "Keys", lambda *_: "the child's")
        return str(pipeline.keys) == "the child's"

    answered = in_child(ask)
    forked.set()
    thread.join()
    assert answered


def test_checks_made_while_redis_is_away_ask_each_webhook_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("DISCORD_WEBHOOK_ERRORS", "https://discord.com/api/webhooks/1/fake-token")
    pipeline = Pipeline(create_app("checking"), Settings.load())
    discord = MagicMock()
    discord.get_webhook.return_value = WebhookInfo(Answer(Delivered(None, None), None, 200), "3", "4", "name")
    monkeypatch.setitem(vars(pipeline), "discord", discord)
    assert [pipeline.check().valid for _ in range(3)] == [True] * 3
    assert discord.get_webhook.call_count == 1


def test_what_draws_is_imported_with_the_first_client_and_not_before() -> None:
    program = (
        "import sys; from notifier.pipeline import client_pipeline; draws = {f'notifier.render.{name}' for name in"
        " ('batch', 'embeds', 'split', 'whole')}; parts = client_pipeline(); assert not draws & sys.modules.keys(),"
        " sys.modules.keys(); parts.client; assert draws <= sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
