"""``notifier demo``: the main job, end to end, on this machine."""

import os
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import click
import requests
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from notifier.cli.output import echo, json_option, print_json, print_table, warn
from notifier.cli.stack import Stack
from notifier.cli.starting import starting
from notifier.counting import counted
from notifier.environment import outer_environment
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.record import Record
from notifier.outcome import Status
from notifier.pipeline import Pipeline

POLL_SECONDS = 0.05
PATIENCE_SECONDS = 120
SETTINGS = ("DISCORD_", "NOTIFIER_", "REDIS_", "CELERY_")


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the demo saw of one alert. ``latency_seconds``: from the call to Discord's answer."""

    alert_type: str
    title: str
    status: str
    message_id: str | None
    latency_seconds: float | None
    burst: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """The result of a demo, as the sandbox counted it."""

    raised: int
    delivered: int
    requests: int
    too_many_requests: int
    doubled_titles: int
    burst_seconds: float

    @property
    def good(self) -> bool:
        """Whether every alert arrived exactly once and no request was answered with 429."""
        return self.delivered == self.raised and self.doubled_titles == 0 and self.too_many_requests == 0


@click.command()
@click.argument("what", type=click.Choice(["alerts", "incidents"]), default="alerts")
@click.option("--burst", type=click.IntRange(1, 1_000), default=100, show_default=True, help="Alerts in the burst.")
@json_option
def demo(what: str, burst: int, as_json: bool) -> None:
    """Raise an alert of each type, then a burst, and watch them arrive in a local Discord.

    With "incidents": a storm of 2,000 repeats, a check that flaps and a job with progress, in one message each.

    Starts a Redis of its own, a sandbox that keeps Discord's limits, and a Celery worker; leaves none of them behind.
    The settings of the environment and of .env are not used.

    \b
    Examples:
      notifier demo
      notifier demo --burst 300 --json
      notifier demo incidents

    Exit code: 0 if every alert arrived, once.
    """
    console = Console(stderr=True)
    if outer_environment().get("REDIS_URL"):
        warn("REDIS_URL is not used: the demo has a Redis of its own")
    with tempfile.TemporaryDirectory(prefix="notifier-demo-") as folder, Stack(Path(folder), _bare()) as stack:
        address = _start(stack, burst)
        if what == "incidents":
            _play_incidents(address, console, as_json=as_json)
        arrivals, burst_seconds = _run(burst, console)
        tally = _count(address, arrivals, burst_seconds)
    if as_json:
        print_json({**asdict(tally), "alerts": [asdict(arrival) for arrival in arrivals]})
    else:
        _show(arrivals, tally)
    raise SystemExit(0 if tally.good else 1)


def _bare() -> dict[str, str]:
    """The environment without our settings."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(SETTINGS)}


def _start(stack: Stack, burst: int) -> str:
    with starting() as tell:
        stack.environment["DISCORD_QUEUE_SIZE"] = str(max(100, burst + 1))
        tell("Redis")
        stack.redis()
        tell("the sandbox")
        address = stack.sandbox()
        tell("a worker")
        stack.worker()
    # this process raises the alerts: the same settings, and no .env
    os.environ.clear()
    os.environ.update(stack.environment)
    os.chdir(stack.folder)
    return address


def _play_incidents(address: str, console: Console, *, as_json: bool) -> None:
    from notifier.cli.demo_incidents import play
    from notifier.pipeline import client_pipeline

    tally = play(client_pipeline().client, address, console)
    if as_json:
        print_json(asdict(tally))
    else:
        echo(
            f"{counted(tally.raised, 'alert')} in {counted(tally.messages, 'message')} · "
            f"{counted(tally.requests, 'request')} · {tally.too_many_requests} × 429 · "
            f"the storm came {counted(tally.counted, 'time')} · {tally.seconds:.0f} s"
        )
    raise SystemExit(0 if tally.good else 1)


def _run(burst: int, console: Console) -> tuple[list[Arrival], float]:
    # imported here, after the environment is set: the settings are read at import
    from notifier.pipeline import client_pipeline
    from notifier.templates import render_template

    pipeline = client_pipeline()
    run = os.urandom(3).hex()  # titles differ between runs, so that a doubled one is this run's
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    bar = Progress(*columns, console=console, disable=not console.is_terminal)
    with bar:
        one_each = [
            render_template("tracklist_generated", recording="Artist - Mix Title", tracks=15)
            if kind is AlertType.TRACKLIST
            else NotificationMessage(
                alert_type=kind, title=f"{kind.capitalize()} alert", message="One of each.", source="demo"
            )
            for kind in AlertType
        ]
        first = _raise(pipeline, one_each, bar, "one of each type")
        started = time.monotonic()
        many = [
            NotificationMessage(title=f"Burst {run} {number}/{burst}", message="One of many.", source="demo")
            for number in range(1, burst + 1)
        ]
        rest = _raise(pipeline, many, bar, f"a burst of {burst}", burst=True)
        return first + rest, time.monotonic() - started


def _raise(
    pipeline: Pipeline, messages: list[NotificationMessage], bar: Progress, title: str, *, burst: bool = False
) -> list[Arrival]:
    progress = bar.add_task(title, total=len(messages))
    for message in messages:
        pipeline.client.submit(message)
    records: dict[str, Record] = {}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(records) < len(messages) and time.monotonic() < deadline:
        missing = [message.id for message in messages if message.id not in records]
        found = zip(missing, pipeline.records.read(missing), strict=True)
        records.update({notification_id: final for notification_id, final in found if final})
        bar.update(progress, completed=len(records))
        time.sleep(POLL_SECONDS)
    return [_arrival(message, records.get(message.id), burst) for message in messages]


def _arrival(message: NotificationMessage, final: Record | None, burst: bool) -> Arrival:
    if final is None:
        return Arrival(message.alert_type.value, message.title, Status.QUEUED.value, None, None, burst)
    latency = _seconds(final["finished_at"]) - _seconds(final["admitted_at"])
    return Arrival(message.alert_type.value, message.title, final["status"], final["message_id"], latency, burst)


def _seconds(moment: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(moment).timestamp()


def _count(address: str, arrivals: list[Arrival], burst_seconds: float) -> Tally:
    stats = requests.get(f"{address}/sandbox/stats", timeout=10).json()
    messages: list[dict[str, Any]] = requests.get(f"{address}/sandbox/messages", timeout=10).json()
    shown = Counter(embed.get("title") for message in messages for embed in message["embeds"])
    ours = {arrival.title for arrival in arrivals}
    return Tally(
        raised=len(arrivals),
        delivered=sum(1 for arrival in arrivals if arrival.status == Status.DELIVERED and shown[arrival.title]),
        requests=stats["requests"],
        too_many_requests=stats["rate_limited"],
        doubled_titles=sum(1 for title in ours if shown[title] > 1),
        burst_seconds=round(burst_seconds, 2),
    )


def _show(arrivals: list[Arrival], tally: Tally) -> None:
    rows = [
        (each.alert_type, each.title, each.status, _ms(each.latency_seconds)) for each in arrivals if not each.burst
    ]
    burst = [each for each in arrivals if each.burst]
    arrived = [each.latency_seconds for each in burst if each.latency_seconds is not None]
    carried = len({each.message_id for each in burst if each.message_id})
    statuses = ", ".join(f"{count} {status}" for status, count in Counter(each.status for each in burst).items())
    times = f"p50 {_ms(median(arrived))}, last {_ms(max(arrived))}" if arrived else ""
    rows.append(("general", f"burst of {len(burst)}", f"{statuses} in {counted(carried, 'message')}", times))
    print_table("Alerts", ["type", "title", "status", "latency"], rows)
    echo(
        f"{tally.delivered} of {tally.raised} delivered · {counted(tally.requests, 'request')} · "
        f"{tally.too_many_requests} × 429 · {counted(tally.doubled_titles, 'doubled title')} · "
        f"burst {tally.burst_seconds:.1f} s"
    )


def _ms(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.0f} ms"
