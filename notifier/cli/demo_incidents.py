"""``notifier demo incidents``: a storm, a check that flaps, and a job with progress: one message each."""

import time
from dataclasses import dataclass
from typing import Any

import requests
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from notifier.cli.processes import ProcessFailed
from notifier.models import AlertType, NotificationMessage
from notifier.producer.client import Client

REPEATS = 2_000
FLAPS = 6
STEPS = 10
PAUSE_SECONDS = 0.25
PATIENCE_SECONDS = 60
STORM, FLAPPING, JOB = "disk/db1", "ping/db2", "import"


@dataclass(frozen=True, slots=True)
class IncidentTally:
    """What the sandbox has counted. ``counted``: how often the storm came, by its own message."""

    raised: int
    messages: int
    requests: int
    too_many_requests: int
    counted: int
    seconds: float

    @property
    def good(self) -> bool:
        """Whether each incident has one message, every repeat is counted, and no request was answered with 429."""
        return (self.messages, self.counted, self.too_many_requests) == (3, REPEATS, 0)


def play(client: Client, address: str, console: Console) -> IncidentTally:
    """Raise all of it and wait until the three messages are green.

    Raises:
        ProcessFailed: they did not become so in a minute.
    """
    began = time.monotonic()
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    bar = Progress(*columns, console=console, disable=not console.is_terminal)
    console.print(f"The page: {address}")
    with bar:
        raised = sum(act(client, bar) for act in (_storm, _flapping, _job))
    _wait_until_green(address)
    seconds = time.monotonic() - began
    stats = requests.get(f"{address}/sandbox/stats", timeout=10).json()
    shown = _messages(address)
    counted = next((_times(each) for each in shown if each["embeds"][0]["title"].endswith("Disk full")), 0)
    return IncidentTally(raised, len(shown), stats["requests"], stats["rate_limited"], counted, round(seconds, 1))


def _raise(client: Client, key: str, title: str = "", **fields: Any) -> int:
    given = {"alert_type": AlertType.MONITORING, "dedup_key": key, **({"title": title} if title else {}), **fields}
    client.submit(NotificationMessage(**given))
    return 1


def _storm(client: Client, bar: Progress) -> int:
    task = bar.add_task(f"a storm of {REPEATS:,}", total=REPEATS)
    for number in range(REPEATS):
        _raise(client, STORM, "Disk full", fields={"Used": f"{90 + number * 10 // REPEATS} %"})
        bar.advance(task)
    return REPEATS + _raise(client, STORM, resolved=True)


def _flapping(client: Client, bar: Progress) -> int:
    task = bar.add_task("a check that flaps", total=FLAPS)
    for _ in range(FLAPS):
        _raise(client, FLAPPING, "No answer to ping")
        time.sleep(PAUSE_SECONDS)
        _raise(client, FLAPPING, resolved=True)
        time.sleep(PAUSE_SECONDS)
        bar.advance(task)
    return 2 * FLAPS


def _job(client: Client, bar: Progress) -> int:
    task = bar.add_task("a job with progress", total=STEPS)
    _raise(client, JOB, "Nightly import", progress=0)
    for step in range(1, STEPS + 1):
        time.sleep(PAUSE_SECONDS)
        _raise(client, JOB, update=True, progress=step / STEPS, message=f"{step * 81} orders")
        bar.advance(task)
    return 2 + STEPS if _raise(client, JOB, resolved=True) else 0


def _messages(address: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = requests.get(f"{address}/sandbox/messages", timeout=10).json()
    return found


def _times(message: dict[str, Any]) -> int:
    fields = {each["name"]: each["value"] for each in message["embeds"][0].get("fields", ())}
    return int(fields["Repeated"].split()[1]) if "Repeated" in fields else 1


def _wait_until_green(address: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := _messages(address)) or not all(each["embeds"][0]["title"][0] == "✅" for each in found):
        if time.monotonic() > deadline:
            raise ProcessFailed("the messages did not become green within a minute; the page shows them")
        time.sleep(PAUSE_SECONDS)
