"""While a fleet is upgraded, or steps back, workers of two versions run side by side: every alert arrives, once."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery

from notifier.models import AlertType
from notifier.outcome import Reason
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, RunPython
from tests.names import names
from tests.servers import until

ROOT = Path(__file__).parents[2]
VERSION_0_2 = "60293c9"
QUICK = {"DISCORD_RATE_LIMIT": "1000", "DISCORD_QUEUE_SIZE": "1000"}
ALERTS = 30
RAISE = """
from notifier.models import AlertType
from tasks import send_notification
kinds = list(AlertType)
for number in range({count}):
    send_notification.delay(
        alert_type=kinds[number % len(kinds)], title=f"{title} {{number}}", message="text 🔥", severity="warning",
        fields={{"Größe": "3 €"}}, source="s", metadata={{"host": "db1"}}{more},
    )
"""
LATER = {
    "notifier/version.py": (r'VERSION = "[^"]*"', 'VERSION = "99.0.0"'),
    "notifier/outbox/payload.py": (
        r"PAYLOAD_VERSION = \d+(.*?SINCE: dict\[str, int\] = )",
        r'PAYLOAD_VERSION = 99\1{"priority": 99} | ',
    ),
    "notifier/models.py": (r"(    thread_id: [^\n]*)", r'\1\n    priority: str = ""'),
}
"""A later version: its alerts have one more field, and a version of their own."""
pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def version_0_2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of version 0.2."""
    folder = tmp_path_factory.mktemp("0.2")
    done = subprocess.run(["git", "archive", VERSION_0_2], cwd=ROOT, capture_output=True, check=False)  # noqa: S607
    if done.returncode:
        pytest.skip(f"no commit {VERSION_0_2} here, which is version 0.2: `git fetch --unshallow` gets it")
    subprocess.run(["tar", "x"], cwd=folder, input=done.stdout, check=True)  # noqa: S607
    return folder


@pytest.fixture(scope="session")
def later(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of a later version."""
    folder = tmp_path_factory.mktemp("later")
    for each in ("notifier", "tasks"):
        shutil.copytree(ROOT / each, folder / each, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "celeryconfig.py", folder)
    for name, (pattern, instead) in LATER.items():
        text, times = re.subn(pattern, instead, (folder / name).read_text(encoding="utf-8"), count=1, flags=re.DOTALL)
        assert times == 1, name
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def foreign(redis_url: str) -> Iterator[Celery]:
    """A program that knows the names of the tasks, and nothing else."""
    app = Celery("foreign", broker=redis_url, backend=redis_url, set_as_current=False)
    yield app
    app.close()


def raised(title: str) -> set[str]:
    """The titles of what a program raises."""
    return {f"{title} {number}" for number in range(ALERTS)}


def program(title: str, more: str = "") -> str:
    """A program that raises alerts of all types."""
    return RAISE.format(count=ALERTS, title=title, more=more)


def assert_each_once(application: Application, sandbox: Sandbox, titles: set[str]) -> None:
    """All are in their channels, once, and none is a dead letter."""
    until(lambda: len(sandbox.titles()) >= len(titles), "all alerts")
    assert sorted(sandbox.titles()) == sorted(titles)
    assert application.pipeline.dead_letters.list() == []
    # an alert that is in its channel is in its outbox until its worker has the answer
    until(lambda: all(application.pipeline.outbox.depth(kind) == 0 for kind in AlertType), "empty outboxes")


@pytest.mark.parametrize("workers", ["both", "the old one alone", "the new one alone"])
def test_programs_and_workers_of_version_0_2_and_of_this_one_mix(
    application: Application,
    foreign: Celery,
    sandbox: Sandbox,
    start_worker: StartWorker,
    run_python: RunPython,
    version_0_2: Path,
    workers: str,
) -> None:
    old = {"PYTHONPATH": str(version_0_2)}
    assert str(version_0_2) in run_python("import notifier; print(notifier.__file__)", **old).stdout
    # an old worker knows no groups, and takes what is collected as any other
    assert run_python(program("new"), DISCORD_GROUP_SECONDS_TRACKLIST="1").returncode == 0
    assert run_python(program("old"), **old).returncode == 0
    for kind in AlertType:
        foreign.send_task(f"send_notification.{kind}", kwargs={"title": f"by name {kind}"}, queue=names.queue(kind))
    if workers != "the new one alone":
        start_worker(**QUICK, **old)
    if workers != "the old one alone":
        start_worker(**QUICK)
    assert_each_once(application, sandbox, raised("new") | raised("old") | {f"by name {kind}" for kind in AlertType})


def test_a_worker_leaves_the_alerts_of_a_later_program_to_a_worker_that_can_read_them(
    application: Application,
    foreign: Celery,
    sandbox: Sandbox,
    start_worker: StartWorker,
    run_python: RunPython,
    later: Path,
) -> None:
    older = start_worker(**QUICK)
    done = run_python(program("later", ', priority="high"'), PYTHONPATH=str(later))
    assert done.returncode == 0, done.stderr
    assert run_python(program("ours")).returncode == 0
    assert run_python(program("plain"), PYTHONPATH=str(later)).returncode == 0
    until(lambda: raised("ours") | raised("plain") <= set(sandbox.titles()), "what this one can read, behind them")
    assert not raised("later") & set(sandbox.titles())
    until(lambda: older.output().count("alerts of a later version wait") == len(AlertType), "that it says so")
    start_worker(**QUICK, PYTHONPATH=str(later))
    until(lambda: raised("later") <= set(sandbox.titles()), "the others")
    for kind in AlertType:  # whichever worker takes the message
        more = {"title": f"by name {kind}", "priority": "high"}
        foreign.send_task(f"send_notification.{kind}", kwargs=more, queue=names.queue(kind))
    by_name = {f"by name {kind}" for kind in AlertType}
    assert_each_once(application, sandbox, raised("later") | raised("ours") | raised("plain") | by_name)
    assert older.output().count("alerts of a later version wait") == len(AlertType), "once"


def test_after_a_step_back_what_nobody_can_read_is_shown_and_replayed_after_the_next_step(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, run_python: RunPython, later: Path
) -> None:
    """The hour is over at once: the key says that a worker left it long ago."""
    old = start_worker(**QUICK)
    text = "x" * 4_000
    program = f"from tasks import send_notification as s; print(s.delay(title='T', message={text!r}, priority='p').id)"
    ours = run_python(program, PYTHONPATH=str(later)).stdout.strip()
    until(lambda: application.pipeline.redis.hget(names.notification(ours), "left_at"), "that it is left")
    application.pipeline.redis.hset(names.notification(ours), "left_at", 1)
    (record,) = application.wait([ours])
    assert (record["status"], record["reason"]) == ("rejected", Reason.NEWER_VERSION)
    assert "left to a worker of a later version" in str(application.pipeline.explain(ours))
    old.stop()
    there = {"PYTHONPATH": str(later)}
    start_worker(**QUICK, **there)
    replay = f"from notifier import client_pipeline as p; print(p().dead_letters.replay({ours!r}))"
    again = run_python(replay, **there).stdout.strip()
    (sent,) = application.wait([again])
    assert sent["status"] == "delivered"
    assert sandbox.messages()[-1]["embeds"][0]["description"] == text
    assert json.loads(json.dumps(sent))["message"]["priority"] == "p"
