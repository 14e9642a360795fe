"""``python -m tests.soak``: applications, workers, Redis and a local Discord, with every fault at random."""

import json
import os
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import redis
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from notifier.pipeline import Pipeline
from notifier.settings import Settings
from notifier.storage.broker import create_app
from notifier.storage.connection import connect
from tests.no_secrets import assert_no_secrets
from tests.soak.account import account, left_behind
from tests.soak.channel import Channel
from tests.soak.faults import Faults
from tests.soak.ledger import Entry, read
from tests.soak.memory import Memory
from tests.soak.plan import plan
from tests.soak.report import as_object, markdown
from tests.soak.stage import CALLERS, CHECKOUT, SURVIVOR, WORKERS, Stage

DRAIN_SECONDS = 900.0
"""How long what was accepted may take to its end, once no fault is left."""
LOOK_SECONDS = 5.0
READ_SECONDS = 60.0
ERROR = re.compile(r"^\[[\d :,-]+: (?:ERROR|CRITICAL)/\S+\] (.*)")

VARYING = re.compile(r"soak-\S+|[0-9a-f]{8}-[0-9a-f-]+|\d+")


class Soak:
    """One run."""

    def __init__(self, folder: Path, minutes: float, seed: int, per_second: float) -> None:
        self._seconds, self._seed = minutes * 60, seed
        self.stage = Stage(folder, seed, per_second)
        self.faults = Faults(self.stage, plan(seed, self._seconds), seed)
        self.memory, self.channel = Memory(), Channel(self.stage.sandbox)
        os.environ.clear()
        os.environ.update(self.stage.environment)
        self._redis: Any = connect(self.stage.redis.url, 2)
        self._start = time.monotonic()
        self.drain_seconds = 0.0

    def run(self, console: Console) -> None:
        """The faults, until the time is over."""
        columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
        look = read_again = 0.0
        with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
            bar = progress.add_task("starting", total=self._seconds)
            while (now := time.monotonic() - self._start) < self._seconds:
                self.faults.step(now)
                if now >= look:
                    look = now + LOOK_SECONDS
                    self._look(now)
                    progress.update(bar, completed=now, description=self._says())
                if now >= read_again:
                    read_again = now + READ_SECONDS
                    self.channel.read()
                time.sleep(0.1)

    def drain(self) -> None:
        """End all faults and callers, and wait until every accepted alert has ended."""
        self.stage.heal()
        start = time.monotonic()
        self.stage.end_callers(DRAIN_SECONDS)
        while time.monotonic() - start < DRAIN_SECONDS and self._waits():
            time.sleep(0.5)
        self.drain_seconds = time.monotonic() - start
        self.channel.read()

    def figures(self) -> dict[str, Any]:
        """What came of it."""
        entries, pipeline = self._entries(), Pipeline(create_app("soak"), Settings.load())
        ids = [each for entry in entries.values() for each in (entry.id, entry.callback) if each]
        records = {each: found for each, found in zip(ids, pipeline.records.read(ids), strict=True) if found}
        found = account(entries, records, self.channel)
        found.wrong |= left_behind(self._redis, pipeline.keys)
        if grown := self.memory.wrong(f"worker{SURVIVOR}"):
            found.wrong["memory"] = grown
        logs = {path.name: path.read_text(errors="replace") for path in self.stage.folder.rglob("worker*/*.log")}
        try:
            assert_no_secrets(redis=self._redis, texts=logs)
        except AssertionError as leak:
            found.wrong["a secret"] = [str(leak)]
        facts = {
            "date": datetime.now(UTC).date().isoformat(),
            "minutes": self._seconds / 60,
            "seed": self._seed,
            "workers": WORKERS,
            "callers": CALLERS,
            "drain_seconds": self.drain_seconds,
            "errors_logged": self._errors(),
        }
        return as_object(facts, found, self.memory, self.faults.done)

    def _entries(self) -> dict[str, Entry]:
        return read(sorted(self.stage.ledgers.glob("*.ledger")))

    def _waits(self) -> bool:
        """Whether anything waits, or a callback is to be called."""
        try:
            return bool(self._redis.exists("notifier:callbacks")) or any(
                self._redis.zcard(key)
                for part in ("waiting", "delayed", "in_flight")
                for key in self._redis.scan_iter(f"notifier:outbox:*:{part}", count=10_000)
            )
        except redis.RedisError:
            return True

    def _look(self, now: float) -> None:
        for worker in self.stage.workers:
            self.memory.look(now, worker)
        try:
            self.memory.redis.append((now, int(self._redis.info("memory")["used_memory"]) / 2**20))
        except redis.RedisError:
            return  # it is away

    def _says(self) -> str:
        entries = self._entries().values()
        accepted = sum(entry.accepted for entry in entries)
        return f"{accepted} alerts · {self.faults.done.total()} faults · {self.stage.sandbox.stored} messages"

    def _errors(self) -> Counter[str]:
        """What workers logged as errors, with numbers and ids taken out."""
        lines: Counter[str] = Counter()
        for path in self.stage.folder.glob("worker*/worker.log"):
            for line in path.read_text(errors="replace").splitlines():
                if match := ERROR.match(line):
                    lines[VARYING.sub("…", match[1])[:120].replace("|", "/")] += 1
        return lines


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--minutes", type=click.FloatRange(0.2), default=30, show_default=True, help="How long faults go on.")
@click.option("--seed", type=int, default=1, show_default=True, help="Chooses the alerts and the faults.")
@click.option("--per-second", type=click.FloatRange(0.1), default=6, show_default=True, help="Calls, on average.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where logs go; kept. Default: a temporary one.")
@click.option("--report", type=click.Path(path_type=Path), help="Default: artefacts/soak/seed-SEED.md.")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as JSON.")
@click.option("--plan", "only_plan", is_flag=True, help="Print which faults come when, and do nothing.")
def main(
    minutes: float,
    seed: int,
    per_second: float,
    folder: Path | None,
    report: Path | None,
    as_json: bool,
    only_plan: bool,
) -> None:
    """Run three workers and two applications, with every fault at random, and account for every alert.

    Workers and applications are killed and paused, Redis is killed, paused and restarted, and Discord fails in each way
    that its local stand-in knows. In the end each accepted alert must be in its channel, or have an end with a reason;
    what is there twice must say so; no 429 may be our own fault; nothing may be left in Redis; memory must be flat.

    Ctrl-C ends the faults and accounts for what was raised so far.

    \b
    Examples:
      uv run python -m tests.soak --minutes 2
      uv run python -m tests.soak --minutes 30 --seed 7 --json
      uv run python -m tests.soak --minutes 2 --plan

    Exit code: 0 if nothing is wrong.
    """
    if only_plan:
        for fault in plan(seed, minutes * 60):
            print(f"{fault.at:8.2f} s  {fault.target:<8} {fault.kind}, {fault.seconds:g} s")
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console(stderr=True)
    report = (report or CHECKOUT / "artefacts" / "soak" / f"seed-{seed}.md").absolute()
    with tempfile.TemporaryDirectory(prefix="notifier-soak-") as scratch:
        figures = _run((folder or Path(scratch)).absolute(), minutes, seed, per_second, console)
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(page := markdown(figures))
    print(json.dumps(figures, indent=1) if as_json else page, flush=True)
    console.print(f"The report is in {report}", soft_wrap=True)
    sys.exit(1 if figures["wrong"] else 0)


def _run(folder: Path, minutes: float, seed: int, per_second: float, console: Console) -> dict[str, Any]:
    soak = Soak(folder, minutes, seed, per_second)
    try:
        try:
            soak.run(console)
        except KeyboardInterrupt:
            console.print("Ended early: what was raised so far is accounted for")
        with console.status("Waiting until all have ended"):
            soak.drain()
        return soak.figures()
    finally:
        soak.stage.stop()


if __name__ == "__main__":
    main()
