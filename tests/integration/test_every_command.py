"""Every command prints what fits its terminal: 60 columns of ASCII, 200 of UTF-8; with no row, with one, with many."""

import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from wcwidth import wcswidth

from notifier.cli import main
from notifier.jobs.terms import JobTerms
from notifier.models import NotificationMessage
from notifier.outbox.terms import Terms
from notifier.outbox.unreadable import unreadable
from notifier.outcome import Reason, Rejected
from notifier.pipeline import Pipeline
from notifier.producer.spool import Spool
from notifier.settings import Settings
from notifier.storage.broker import create_app
from tests.integration.conftest import CLOCK, SECOND, Bench, MakeBench
from tests.unit.cli.test_help import every_command

DEAD, DELIVERED, WAITS = (f"5f0c7c1e-6d1f-4f0e-9a55-0f6f3c1a2b{number:02}" for number in range(3))
TITLE = "⏳ Disk « /var » on db1 — 97 % full × 2, データベースのディスク, and much more that is to be said of it"
URL = "https://discord.com/api/webhooks/{}/fake-token-of-this-test"
NOWHERE = "http://127.0.0.1:1/api/v10"
SERVERS = {("demo",), ("up",), ("sandbox",), ("intake",), ("web",)}
"""They run until they are stopped, or start processes: tests/e2e."""

COMMANDS: dict[tuple[str, ...], list[list[str]]] = {
    ("send",): [["general", TITLE, "--dry-run"], ["error", TITLE], ["error", TITLE, "--json"]],
    ("preview",): [["deployment"], ["deployment", "--json"]],
    ("templates", "list"): [[], ["--json"]],
    ("templates", "show"): [["deployment"], ["deployment", "--json"]],
    ("templates", "check"): [[], ["deployment"], ["--json"]],
    ("check",): [[], ["--json"]],
    ("live",): [[], ["--json"]],
    ("ready",): [[], ["--json"]],
    ("history",): [[], ["--json"], ["--status", "failed"]],
    ("explain",): [[DEAD], [DELIVERED], [WAITS], [WAITS, "--json"]],
    ("waiting",): [[], ["--json"], ["--limit", "1"]],
    ("metrics",): [["--json"]],  # else the lines are Prometheus'
    ("incidents",): [[], ["--json"], ["--open"]],
    ("ack",): [["disk/1", "--by", "ops", "--why", "it is being replaced by a larger one"]],
    ("silence", "add"): [["--match", "nothing*", "--for", "1h"], ["--match", "x*", "--for", "1h", "--json"]],
    ("silence", "list"): [[], ["--json"]],
    ("silence", "end"): [["nope"]],
    ("withdraw",): [["nope", WAITS], ["nope", "--json"]],
    ("dead", "list"): [[], ["--json"]],
    ("dead", "show"): [[DEAD], [DEAD, "--json"]],
    ("dead", "unreadable"): [[], ["--json"], ["--drop", "--all"]],
    ("dead", "replay"): [["--type", "general"], ["nope"]],
    ("dead", "drop"): [["--all", "--yes"]],
    ("gate", "close"): [["general", "--by", "the people on call", "--why", TITLE], ["error", "--json"]],
    ("gate", "list"): [[], ["--json"]],
    ("gate", "open"): [["general"], ["error", "--json"]],
    ("gate", "reset"): [["general", "edge"], ["edge", "--json"]],
    ("spool", "list"): [[], ["--json"]],
    ("spool", "flush"): [[], ["--json"]],
    ("jobs",): [[], ["--json"]],
    ("job", "forget"): [["nightly import 0"]],
    ("completion",): [["bash"], ["zsh"], ["fish"]],
    ("job", "run"): [["--name", "this", "--", "true"]],
}


class Terminal(io.TextIOWrapper):
    """What a command prints, in the character set of a terminal."""

    def __init__(self, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, write_through=True)

    def text(self) -> str:
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined]


Run = Callable[..., tuple[str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command: what stands on standard output and on standard error."""

    def run(*arguments: str, columns: int, encoding: str) -> tuple[str, str]:
        out, err = Terminal(encoding), Terminal(encoding)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            patch.setenv("COLUMNS", str(columns))
            with pytest.raises(SystemExit):
                main(list(arguments))
        assert "Traceback" not in err.text()
        return out.text(), err.text()

    return run


@pytest.fixture
def planted(
    make_bench: MakeBench, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[int], None]]:
    """Plants so many of each thing that a command can show, as workers and callers would."""
    bench = make_bench()
    bench.redis.set(CLOCK, round((time.time() - 3_600) * SECOND))
    for number, name in enumerate(("GENERAL", "ERRORS", "CRITICAL", "TRACKLIST", "MONITORING"), 1):
        monkeypatch.setenv(f"DISCORD_WEBHOOK_{name}", URL.format(1_000_000_000_000_000_000 + number))
    monkeypatch.setenv("DISCORD_API_URL", NOWHERE)
    monkeypatch.setenv("NOTIFIER_SPOOL_DIR", str(tmp_path / "spool"))
    settings = Settings.load()
    app = create_app("commands")
    app.conf.update(broker_url=redis_url, result_backend=redis_url)
    pipeline = Pipeline(app, settings)
    monkeypatch.setattr("notifier.pipeline.client_pipeline", lambda: pipeline)
    monkeypatch.setattr("notifier.settings.settings", lambda: settings)
    monkeypatch.setattr("notifier.service.client_pipeline", lambda *_: pipeline, raising=False)

    def plant(rows: int) -> None:
        spool = Spool(tmp_path / "spool", 1_000)
        for number in range(rows):
            job = f"nightly import {number}"
            pipeline.jobs.started(job, "run", JobTerms.of(expect="1h"))
            pipeline.jobs.ended(job, "run", "failed", 3)
            pipeline.unreadable.set_aside(unreadable("notifications.general", TITLE.encode(), "undecodable", TITLE))
            match = {"title": f"{TITLE[:20]}{number}*"}
            pipeline.silences.add(match, 3_600, by="the people who are on call", why=TITLE)
            spool.put(NotificationMessage(id=f"spooled {number}", title=TITLE))
        if rows:
            _deliver(bench, rows)

    yield plant
    pipeline.redis.close()


def _numbered(notification_id: str, number: int) -> str:
    return f"{notification_id[:9]}{number + 10}{notification_id[11:]}" if number else notification_id


def _deliver(bench: Bench, rows: int) -> None:
    deaf = Rejected(Reason.INVALID_MESSAGE, "embeds.0.title: Must be 256 or fewer in length, and " + "more " * 20)
    bench.admit("before")
    bench.open_gate()
    for number in range(rows):
        for notification_id, outcome in ((DEAD, deaf), (DELIVERED, None)):
            bench.admit(_numbered(notification_id, number))
            batch = bench.batch()
            bench.commit(batch, outcome)
            bench.tick(5)
        incident = NotificationMessage(title=TITLE, id=f"incident {number}", dedup_key=f"disk/{number}")
        bench.outbox.admit(incident)
        bench.commit(bench.batch())
        bench.tick(5)
    for number in range(rows):
        waiting = NotificationMessage(title=TITLE, id=_numbered(WAITS, number))
        bench.outbox.admit(waiting, Terms(after_seconds=60 * number))


CASES = [
    pytest.param(*case, id=f"{case[0]} rows, {case[1]} columns")
    for case in ((0, 60, "ascii"), (1, 60, "ascii"), (3, 60, "ascii"), (3, 200, "utf-8"))
]


def test_none_is_left_out() -> None:
    leaves = {
        path for path in every_command(main) if path and not any(path == each[:-1] for each in every_command(main))
    }
    assert leaves == COMMANDS.keys() | SERVERS


@pytest.mark.parametrize(("rows", "columns", "encoding"), CASES)
def test_it_fits(planted: Callable[[int], None], run: Run, rows: int, columns: int, encoding: str) -> None:
    planted(rows)
    for command, calls in COMMANDS.items():
        for arguments in calls:
            printed, _ = run(*command, *arguments, columns=columns, encoding=encoding)
            if command == ("completion",):
                continue  # a shell reads it
            if "--json" in arguments:
                json.loads(printed or "null")
                continue
            too_long = [line for line in printed.splitlines() if wcswidth(line) > columns and "://" not in line]
            assert too_long == [], f"{command} {arguments}:\n{printed}"
            assert " 1 alerts" not in f" {printed}"


def test_what_prometheus_reads_is_never_wrapped(planted: Callable[[int], None], run: Run) -> None:
    planted(1)
    narrow, wide = (run("metrics", columns=columns, encoding="ascii")[0].splitlines() for columns in (30, 500))
    assert [line.split()[:3] for line in narrow if line[0] == "#"] == [
        line.split()[:3] for line in wide if line[0] == "#"
    ]
    assert len(narrow) == len(wide) > 100
