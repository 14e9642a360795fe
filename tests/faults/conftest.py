"""Real faults: workers and Redis are killed, and the sandbox answers with scripted faults."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from notifier.cli.processes import Process
from notifier.models import AlertType
from notifier.outbox.record import Record
from tests.conftest import Sandbox, assert_no_secrets_logged
from tests.e2e.conftest import Application, app, application
from tests.faults import persistent_caller
from tests.forked import start_module

StartCaller = Callable[..., Process]

__all__ = ["app", "application"]

WEBHOOKS = {kind: str(1_000_000_000_000_000_001 + number) for number, kind in enumerate(AlertType)}
GENERAL = WEBHOOKS[AlertType.GENERAL]
QUICK = {
    # not quick: an answer that comes late because a process stands still for a moment would be posted twice
    "DISCORD_TIMEOUT_SECONDS": "10",
    "DISCORD_RETRY_BACKOFF_SECONDS": "0.2",
    "DISCORD_RETRY_BACKOFF_MAX_SECONDS": "1",
    "DISCORD_BREAKER_OPEN_SECONDS": "1",
    "DISCORD_BREAKER_OPEN_MAX_SECONDS": "1",
    "DISCORD_QUEUE_SIZE": "1000",
    "DISCORD_RATE_LIMIT": "1000",
}


@pytest.fixture(autouse=True)
def room(monkeypatch: pytest.MonkeyPatch) -> None:
    """The callers have the same queue size as the workers."""
    monkeypatch.setenv("DISCORD_QUEUE_SIZE", QUICK["DISCORD_QUEUE_SIZE"])


@pytest.fixture
def start_caller(configured: dict[str, str], tmp_path: Path) -> Iterator[StartCaller]:
    """Starts an application that raises that many alerts, each again until it is accepted."""
    started: list[Process] = []

    def start(
        count: int,
        pause_seconds: float = 0.0,
        *,
        first: int = 0,
        dedup_key: str = "",
        fields: Any = None,
        **changed: str,
    ) -> Process:
        folder = tmp_path / f"caller{len(started)}"
        folder.mkdir()
        command = [persistent_caller.__name__, str(first), str(count), str(pause_seconds)]
        command += [dedup_key, json.dumps(fields or {})] if dedup_key else []
        environment = {**configured, **QUICK, **changed}
        started.append(start_module("caller", command, folder / "caller.log", env=environment, cwd=folder))
        return started[-1]

    yield start
    for process in started:
        process.stop()
        assert_no_secrets_logged(process)


def burst(application: Application, count: int, *, first: int = 0) -> dict[str, str]:
    """That many alerts over all types; the title of each id."""
    kinds = list(AlertType)
    found = {}
    for number in range(first, first + count):
        (each,) = application.raise_alerts(f"alert {number}", alert_type=kinds[number % len(kinds)])
        found[each] = f"alert {number}"
    return found


def assert_none_lost(records: list[Record], titles: Counter[str], raised: dict[str, str]) -> None:
    """Every alert is delivered, and in its channel."""
    assert Counter(record["status"] for record in records) == {"delivered": len(raised)}
    assert set(titles) == set(raised.values())


def doubled(titles: Counter[str]) -> set[str]:
    """Titles that are in a channel more than once."""
    return {title for title, times in titles.items() if times > 1}


def titles_of(sandbox: Sandbox) -> Counter[str]:
    """How often each title was posted."""
    return Counter(sandbox.titles())
