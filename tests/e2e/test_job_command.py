"""``notifier job run`` is the command that it runs, and says what came of it; ``notifier jobs`` lists what is known."""

import json
import os
import pty
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from notifier.cli.processes import Process
from tests.conftest import Sandbox
from tests.e2e.conftest import Application, Notifier
from tests.servers import until

pytestmark = pytest.mark.slow

LIVE = ("job", "run", "--name", "import")
RUN = (*LIVE, "--tell", "end")

SILENT = 1 << 12


def sh(script: str) -> tuple[str, ...]:
    """A command that is a script."""
    return ("--", "sh", "-c", script)


def raised(redis_url: str) -> list[dict[str, Any]]:
    """The alerts that wait in Redis."""
    from notifier.storage.connection import connect

    client = connect(redis_url, 5)
    try:
        found = [client.hget(key, "message") for key in client.scan_iter("notifier:notification:*")]
    finally:
        client.close()
    return [json.loads(str(each)) for each in found]


@pytest.mark.usefixtures("worker")
def test_a_command_that_fails_is_an_alert_with_its_code_and_the_end_of_its_output(
    notifier: Notifier, sandbox: Sandbox
) -> None:
    script = "echo to out; echo 'to ``` err' >&2; printf '1%%\\r2%%\\n'; exit 3"
    done = notifier(*RUN, "--expect", "24h", "--source", "db1", *sh(script))
    assert done.returncode == 3
    assert done.stdout == "to out\n1%\n2%\n"  # as text
    assert done.stderr == "to ``` err\n"
    until(lambda: sandbox.titles(), "the alert")
    (embed,) = sandbox.messages()[0]["embeds"]
    assert embed["title"] == "❌ import failed"
    assert embed["description"].startswith("It ended with exit code 3.\n```")
    for line in ("to out", "to `\u200b`` err", "2%"):
        assert line in embed["description"]
    assert "1%" not in embed["description"]
    assert {field["name"] for field in embed["fields"]} == {"Exit code", "Took"}
    assert embed["footer"]["text"].startswith("db1")
    (job,) = json.loads(notifier("jobs", "--json").stdout)
    assert (job["name"], job["outcome"], job["exit_code"], job["expect_seconds"]) == ("import", "failed", 3, 86_400)
    assert not job["is_overdue"]
    assert "failed (3)" in notifier("jobs").stdout
    assert notifier("job", "forget", "import").returncode == 0
    assert notifier("job", "forget", "import").returncode == 1


@pytest.mark.usefixtures("worker")
def test_a_run_is_one_message_which_a_failure_replaces(notifier: Notifier, sandbox: Sandbox, tmp_path: Path) -> None:
    def last() -> str:
        return str(sandbox.titles()[-1:])

    go_on = tmp_path / "go_on"
    wait = f"while [ ! -e {go_on} ]; do sleep 0.05; done; exit"
    for code, title in ((0, "✅ import finished"), (3, "❌ import failed")):
        go_on.unlink(missing_ok=True)
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(notifier, *LIVE, "--type", "monitoring", *sh(f"{wait} {code}"))
            until(lambda: "⏳" in last(), "that it runs")
            (started,) = [each for each in sandbox.messages() if "⏳" in each["embeds"][0]["title"]]
            go_on.touch()
            assert done.result(30).returncode == code
        until(lambda title=title: title in last(), "its end")
        ended = sandbox.messages()[-1]
        # an edit is not heard: a failure is posted anew
        assert (ended["id"] == started["id"], ended["flags"]) == ((True, SILENT) if code == 0 else (False, 0))
        assert len(sandbox.messages()) == (1 if code == 0 else 2)


def test_a_command_that_ends_well_is_an_alert_unless_only_failures_are_wanted(
    notifier: Notifier, redis_url: str
) -> None:
    assert notifier(*LIVE, "--tell", "failures", "--", "true").returncode == 0
    assert raised(redis_url) == []
    done = notifier(*RUN, "--type", "monitoring", "--", sys.executable, "-c", "print('--flag of its own')", "--name")
    assert (done.returncode, done.stdout) == (0, "--flag of its own\n")
    (alert,) = raised(redis_url)
    assert (alert["title"], alert["alert_type"]) == ("✅ import finished", "monitoring")


@pytest.mark.usefixtures("worker")
def test_a_worker_tells_once_that_a_job_was_not_started(
    notifier: Notifier, application: Application, sandbox: Sandbox
) -> None:
    assert notifier(*LIVE, "--tell", "failures", "--expect", "1s", "--grace", "0", "--", "true").returncode == 0
    until(lambda: application.pipeline.jobs.list()[0].is_told, "that it is told")
    (job,) = json.loads(notifier("jobs", "--json").stdout)
    assert (job["outcome"], job["is_overdue"]) == ("finished", True)
    assert notifier("jobs").stdout.splitlines()[-1].endswith("yes"), "it is overdue"
    until(lambda: sandbox.titles(), "the alert")
    assert sandbox.titles() == ["⏰ import was not started"]


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        (("/no/such/command",), 127, "It could not be run: No such file or directory: /no/such/command"),
        (("/etc/passwd",), 126, "It could not be run: Permission denied: /etc/passwd"),
        (("sh", "-c", "kill -9 $$"), 137, "It was ended by SIGKILL."),
    ],
)
def test_an_exit_code_is_that_of_a_shell(
    notifier: Notifier, redis_url: str, command: tuple[str, ...], code: int, told: str
) -> None:
    done = notifier(*RUN, "--", *command)
    assert done.returncode == code
    assert (told in done.stderr) == (code in (126, 127)), "a shell says what it cannot run, too"
    (alert,) = raised(redis_url)
    assert alert["message"].startswith(told)


def test_redis_that_is_away_changes_nothing_of_it_and_is_said(notifier: Notifier) -> None:
    done = notifier(*RUN, *sh("echo out; exit 4"), REDIS_URL="redis://127.0.0.1:1/0")
    assert (done.returncode, done.stdout) == (4, "out\n")
    assert "job import: not noted: no Redis at 127.0.0.1:1" in done.stderr
    assert "job import: no alert: no Redis at 127.0.0.1:1" in done.stderr


LISTENING = """
import os, signal, sys, time
leaving = []
def tell(number, frame):
    print("got", signal.Signals(number).name, flush=True)
    leaving.append(number in (signal.SIGTERM, signal.SIGINT))
for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, tell)
print("ready", flush=True)
while not any(leaving):
    time.sleep(0.05)
time.sleep(0.5)  # for a second one
sys.exit(5)
"""


@pytest.fixture
def listening(configured: dict[str, str], tmp_path: Path) -> Iterator[Process]:
    """A job that says which signals it gets."""
    command = [sys.executable, "-m", "notifier", *RUN, "--", sys.executable, "-c", LISTENING]
    process = Process("job", command, tmp_path / "job.log", env=configured, cwd=tmp_path)
    process.wait_for("^ready")
    yield process
    process.stop()


def test_signals_are_passed_to_the_command(listening: Process, redis_url: str) -> None:
    for name in ("SIGUSR1", "SIGHUP", "SIGTERM"):
        os.kill(listening.pid, getattr(signal, name))
        listening.wait_for(f"^got {name}")
    until(lambda: not listening.running, "its end")
    (alert,) = raised(redis_url)
    assert alert["message"].startswith("It ended with exit code 5.")


def test_ctrl_c_in_a_terminal_reaches_the_command_once(
    configured: dict[str, str], redis_url: str, tmp_path: Path
) -> None:
    own, theirs = pty.openpty()
    command = [sys.executable, "-m", "notifier", *RUN, "--", sys.executable, "-c", LISTENING]
    process = subprocess.Popen(
        [str(shutil.which("setsid")), "--ctty", "--wait", *command],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=configured,
        cwd=tmp_path,
    )
    os.close(theirs)
    output = b""

    def read_until(wanted: bytes) -> None:
        nonlocal output
        while wanted not in output:
            output += os.read(own, 1_000)

    read_until(b"ready")
    os.write(own, b"\x03")
    read_until(b"got SIGINT")
    assert process.wait(30) == 5
    os.close(own)
    assert output.count(b"got SIGINT") == 1
    (alert,) = raised(redis_url)
    assert alert["message"].startswith("It ended with exit code 5.")
