"""``notifier send --wait`` says what it waits for, that no worker is there, and how to look later."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from notifier.cli import main
from notifier.cli.waiting_line import WaitingLine
from notifier.models import AlertType, NotificationMessage
from notifier.notification_result import NotificationResult
from notifier.operations import waiting as waiting_module
from notifier.operations.waiting import UNDER_WAY, waiting_alert
from notifier.outbox.fleet import Holding
from notifier.outbox.terms import Terms
from notifier.outcome import Failed, Reason
from notifier.service import DiscordNotificationService
from tests.integration.conftest import CLOCK, WEBHOOK, Bench, MakeBench
from tests.names import names

NOBODY = "it waits: no worker delivers alerts of general; start one: celery -A notifier worker"


@pytest.fixture(autouse=True)
def by_the_tests_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_module, "clock", lambda client: int(client.get(CLOCK) or 0))


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> list[Holding]:
    """The living workers."""
    found: list[Holding] = []
    monkeypatch.setattr("notifier.outbox.fleet.read_fleet", lambda *_: found)
    return found


def line_of(bench: Bench, name: str) -> WaitingLine:
    pipeline = SimpleNamespace(redis=bench.redis, keys=names)
    return WaitingLine(pipeline, NotificationMessage(id=name, title=name, alert_type="general"))  # type: ignore[arg-type]


def test_what_one_alert_waits_for_is_found_wherever_it_is(make_bench: MakeBench) -> None:
    bench = make_bench(breaker_failures=1, breaker_open_seconds=300)
    assert waiting_alert(bench.redis, names, "a") is None
    bench.admit("a")
    bench.admit("later", terms=Terms(after_seconds=600))

    def told(name: str) -> tuple[str, bool]:
        found = waiting_alert(bench.redis, names, name)
        assert found is not None
        return found.why, found.until is not None

    assert told("a") == ("no worker has come for it", False)
    assert told("later") == ("postponed by its caller", True)
    batch = bench.batch()
    assert told("a") == (UNDER_WAY, False)
    following = bench.commit(batch, Failed(Reason.BAD_GATEWAY)).wake_up
    assert told("a") == ("to be tried again: bad gateway", True)
    bench.tick(5)
    assert told("a")[0] != "to be tried again: bad gateway", "it is due now"
    assert following is not None
    bench.claim(wake_up=following.token)
    assert told("a") == ("breaker open", True)
    bench.tick(300)
    bench.commit(bench.batch())
    assert waiting_alert(bench.redis, names, "a") is None


def test_a_pipe_gets_a_line_for_each_reason(
    make_bench: MakeBench, fleet: list[Holding], capsys: pytest.CaptureFixture[str]
) -> None:
    bench = make_bench(breaker_failures=1, breaker_open_seconds=300)
    bench.admit("a")
    line = line_of(bench, "a")
    line.update()
    line.update()
    fleet.append(Holding(AlertType.GENERAL, "mail@host", WEBHOOK.id, "f"))
    following = bench.commit(bench.batch(), Failed(Reason.BAD_GATEWAY)).wake_up
    line.update()
    line.update()
    bench.tick(5)
    assert following is not None
    bench.claim(wake_up=following.token)
    line.update()
    bench.tick(1)
    line.update()
    first, second, third = capsys.readouterr().err.splitlines()
    assert first == NOBODY
    assert re.fullmatch(r"it waits: to be tried again: bad gateway, until \d\d:\d\d:\d\d UTC", second)
    assert re.fullmatch(r"it waits: breaker open, until \d\d:\d\d:\d\d UTC", third)
    assert line.last == "it waits: breaker open"


def test_a_terminal_has_one_line_that_changes(
    bench: Bench, fleet: list[Holding], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    bench.admit("a")
    with line_of(bench, "a") as line:
        line.update()
        line.update()
    assert NOBODY in terminal.getvalue()
    assert "\x1b[2K" in terminal.getvalue(), "it is taken away"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> Iterator[Callable[..., int]]:
    """Runs the command in this process; returns its exit code."""
    from notifier.pipeline import Pipeline
    from notifier.settings import Settings
    from notifier.storage.broker import create_app

    app = create_app("sending")
    app.conf.update(broker_url=redis_url, result_backend=redis_url)  # else those of whoever needed one first here
    pipeline = Pipeline(app, Settings.load())
    monkeypatch.setattr("notifier.pipeline.client_pipeline", lambda: pipeline)
    monkeypatch.setattr(DiscordNotificationService, "__init__", lambda self, *_: setattr(self, "_pipeline", pipeline))

    def call(*arguments: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(["send", "general", "T", *arguments])
        return int(ended.value.code or 0)

    yield call
    pipeline.redis.close()


def test_the_end_of_the_wait_says_why_it_waits_still(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--wait", "0.1", "--json") == 1
    out, err = capsys.readouterr()
    assert err.splitlines() == [NOBODY]
    told = json.loads(out)
    assert told["status"] == "queued"
    assert told["error"] == f"alert {told['id']} is queued: not ready within 0.1 s; {NOBODY}"


def test_in_words_it_names_the_alert_once(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--wait", "0.1") == 1
    (said,) = capsys.readouterr().out.splitlines()
    status, notification_id, why = said.split(" ", 2)
    assert (status, why) == ("queued", f"not ready within 0.1 s; {NOBODY}")
    assert notification_id.endswith(":")


def test_an_interrupt_says_how_to_look_later(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []

    def interrupted(self: object, message: NotificationMessage, *_: object) -> NotificationResult:
        sent.append(message.id)
        raise KeyboardInterrupt

    monkeypatch.setattr(DiscordNotificationService, "send_and_wait", interrupted)
    assert run("--wait", "60") == 130
    told = capsys.readouterr().err.strip()
    assert told == f"Interrupted. What is queued is delivered all the same; see: notifier explain {sent[0]}"


@pytest.mark.parametrize(("waits", "code"), [([], 0), (["--wait", "5"], 1)])
def test_what_is_only_on_this_disk_is_not_delivered(waits: list[str], code: int, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "notifier", "send", "general", "Backup failed", *waits],
        env={**os.environ, "REDIS_URL": "redis://127.0.0.1:1/0", "NOTIFIER_SPOOL_DIR": str(tmp_path / "spool")},
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.stdout.split()[:1], done.returncode) == (["spooled"], code), done.stderr
