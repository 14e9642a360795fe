"""What a burst costs worker and Redis for each alert: ``uv run python -m tests.benchmarks.burst_cost [bare|commands]``.

It starts a Redis, a sandbox with Discord's limits and a worker, and stops them. With ``bare`` it is a bare Celery task
for each alert that is measured; with ``commands``, what each script of ours asks of Redis (which makes all slower).
"""

import json
import os
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha1
from pathlib import Path
from typing import Any, cast

import psutil
import redis
import requests

from notifier.cli.processes import Process
from notifier.cli.stack import Stack
from notifier.models import AlertType
from tests.benchmarks import bare_tasks

ALERTS = 900
TEXT = "The job of last night ended with an error, and nobody has looked at it yet. " * 3
HEADER = re.compile(r"return \(function\(\) -- (.{1,60})")
"""The first words of a step within its script."""
OF_A_MONITOR = re.compile(rb'^\+[\d.]+ \[\d+ (lua|[^\]]+)\] "([^"]+)"(?: "([^"]*))?')


@dataclass(frozen=True, slots=True)
class BurstCost:
    """Of one alert. ``commands``: those of callers and within scripts too; what an idle worker asks is left out."""

    worker_ms: float
    redis_ms: float
    commands: float
    requests: int
    seconds: float


def burst_cost(folder: Path, *, bare: bool = False, watch: "CommandLog | None" = None) -> BurstCost:
    """Raise ``ALERTS`` of all six types at once, and wait until Discord has them."""
    with Stack(folder) as stack:
        stack.environment |= {"DISCORD_QUEUE_SIZE": "100000", "NOTIFIER_LOG_FORMAT": "text"}
        url, address = stack.redis(), stack.sandbox()
        os.environ.update(stack.environment)
        client = redis.Redis.from_url(url)
        if watch:
            watch.begin(url)
        worker, raise_one = _bare(stack) if bare else (stack.worker(), _raise_ours())
        for number in range(6):  # Get Webhook, scripts, connections
            raise_one(number)
        _wait(address, 6)
        time.sleep(5)  # the sandbox's buckets are full again
        if bare:
            requests.put(f"{address}/sandbox/limits", json={"enabled": False}, timeout=10)  # it minds none
        idle = _per_second(client, 3)
        before, began = _used(worker, client), time.monotonic()
        if watch:
            watch.reset()
        for number in range(ALERTS):
            raise_one(number)
        _wait(address, 6 + ALERTS)
        time.sleep(0.5)  # the last commit, and its events
        took = time.monotonic() - began
        used = {name: value - before[name] for name, value in _used(worker, client).items()}
        if watch:
            watch.end()
        client.close()
        executes = int(requests.get(f"{address}/sandbox/stats", timeout=10).json()["executes"])
    return BurstCost(
        worker_ms=1_000 * used["worker"] / ALERTS,
        redis_ms=1_000 * used["redis"] / ALERTS,
        commands=(used["commands"] - idle * took) / ALERTS,
        requests=executes - 6,
        seconds=took,
    )


def _raise_ours() -> Callable[[int], object]:
    from notifier import send_notification

    kinds = list(AlertType)
    fields = {"Host": "db1.example.com", "Exit code": "1"}

    def raise_one(number: int) -> object:
        kind, title = kinds[number % len(kinds)], f"Import {number} failed"
        return send_notification.delay(alert_type=kind, title=title, message=TEXT, fields=fields, source="jobs")

    return raise_one


def _bare(stack: Stack) -> tuple[Process, Callable[[int], object]]:
    urls = [f"{stack.environment[name]}?wait=true" for name in sorted(stack.environment) if "DISCORD_WEBHOOK" in name]
    url = stack.environment["REDIS_URL"]
    bare_tasks.app.conf.update(broker_url=url, result_backend=url)
    place = Path(bare_tasks.__file__).parent
    stack.environment["PYTHONPATH"] = str(place)
    command = [sys.executable, "-m", "celery", "-A", "bare_tasks", "worker", "--loglevel", "INFO", "-Q", "bare"]
    worker = stack.start("bare", [*command, "-c", "8", "-E"])
    worker.wait_for(r"celery@\S+ ready\.")
    return worker, lambda number: bare_tasks.post.delay(urls[number % 6], f"Import {number} failed")


def _wait(address: str, embeds: int) -> None:
    """Wait until this many embeds are in the channels. Asks the sandbox, and so costs Redis nothing."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = requests.get(f"{address}/sandbox/messages", timeout=10).json()
        if sum(len(each["embeds"]) for each in found) >= embeds:
            return
        time.sleep(0.25)
    raise TimeoutError(f"{embeds} embeds")


def _used(worker: Process, client: "redis.Redis") -> dict[str, float]:
    """Seconds of the processor, and how many commands, so far."""
    first = psutil.Process(worker.pid)
    times = [each.cpu_times() for each in (first, *first.children(recursive=True))]
    info = cast("dict[str, Any]", client.info("everything"))
    calls = {name: each["calls"] for name, each in info.items() if name.startswith("cmdstat_")}
    return {
        "worker": sum(each.user + each.system for each in times),
        "redis": info["used_cpu_user"] + info["used_cpu_sys"],
        "commands": sum(each for name, each in calls.items() if name != "cmdstat_info"),
    }


def _per_second(client: "redis.Redis", seconds: float) -> float:
    """How many commands Redis is asked while nothing is raised: heartbeats, sweeps, looks into queues."""
    before, began = _commands(client), time.monotonic()
    time.sleep(seconds)
    return (_commands(client) - before) / (time.monotonic() - began)


def _commands(client: "redis.Redis") -> int:
    found = cast("dict[str, Any]", client.info("commandstats"))
    return sum(each["calls"] for name, each in found.items() if name != "cmdstat_info")


class CommandLog:
    """Counts the commands that Redis runs, by the script that asks for them ('': none)."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.began: Counter[str] = Counter()
        self._names: dict[str, str] = {}
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, url: str) -> None:
        """Listen from now on, so that each script is seen when it is loaded."""
        client = redis.Redis.from_url(url)
        connection = client.connection_pool.get_connection()
        connection.send_command("MONITOR")
        connection.read_response()
        lines = connection._sock.makefile("rb")
        self._thread = threading.Thread(target=self._read, args=(lines, client), daemon=True)
        self._thread.start()

    def reset(self) -> None:
        """Count from here on."""
        self.calls.clear()
        self.began.clear()

    def end(self) -> None:
        """Count no more."""
        self._over.set()

    def _read(self, lines: Any, _client: object) -> None:  # whose connections end once nobody holds it
        script = ""
        for line in lines:
            if self._over.is_set():
                return
            found = OF_A_MONITOR.match(line)
            if not found:
                continue
            who, name, argument = (each.decode(errors="replace") if each else "" for each in found.groups())
            name = name.upper()
            if who != "lua":
                script = ""
            if name in ("EVAL", "SCRIPT"):
                self._learn(line.decode(errors="replace"))
            if name in ("EVAL", "EVALSHA"):
                script = self._names.get(argument, argument[:8]) if name == "EVALSHA" else "eval"
                self.began[script] += 1
            self.calls[script, name] += 1

    def _learn(self, line: str) -> None:
        for quoted in re.findall(r'"((?:[^"\\]|\\.)*)"', line):
            text = quoted.encode().decode("unicode_escape").encode("latin-1")
            if found := HEADER.search(text.decode(errors="replace")):
                self._names[sha1(text, usedforsecurity=False).hexdigest()] = found[1]

    def table(self) -> Iterator[str]:
        """Lines of text: each script with its commands, the most first."""
        for script, times in [*self.began.most_common(), ("", 1)]:
            mine = {name: calls for (of, name), calls in self.calls.items() if of == script}
            total = sum(mine.values())
            yield f"{total:7} commands  {times:5} calls  {total / max(1, times):6.1f} each  {script or '(no script)'}"
            for name, calls in sorted(mine.items(), key=lambda each: -each[1]):
                yield f"{calls:15} {name}"


def main() -> None:
    """Measure, and print."""
    watch = CommandLog() if "commands" in sys.argv else None
    with tempfile.TemporaryDirectory() as folder:
        cost = burst_cost(Path(folder), bare="bare" in sys.argv, watch=watch)
    for line in watch.table() if watch else ():
        print(line)
    print(json.dumps({name: round(value, 2) for name, value in asdict(cost).items()}))


if __name__ == "__main__":
    main()
