"""What ``notifier up`` starts comes up again, whatever it was stopped with."""

import os
import shlex
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from notifier.cli import main, stack_folder
from notifier.cli.processes import Process
from notifier.cli.stack import Stack, free_port
from notifier.cli.stack_folder import StackFolder
from notifier.cli.up import _settings
from notifier.errors import ConfigurationError
from notifier.storage.connection import connect
from tests.names import names
from tests.servers import until


@pytest.mark.slow
def test_its_own_redis_may_hold_alerts_that_wait_but_none_for_real_webhooks(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        client = connect(stack.redis(), 5)
        client.zadd(names.outbox("general", "waiting"), {"waits": 1})
        stack.sandbox()
        client.hset(names.gate("123"), "channel", "1")
        with pytest.raises(ConfigurationError, match="alerts for real webhooks live there"):
            stack.sandbox()
        client.close()


@pytest.mark.parametrize(
    ("key", "told"),
    [
        (names.worker("somebody"), "a worker runs there"),
        (names.gate("123"), "alerts for real webhooks live there"),
        (names.outbox("general", "waiting"), "alerts for real webhooks live there"),
    ],
)
def test_a_redis_in_use_is_refused_for_a_sandbox(
    key: str, told: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    client = connect(redis_url, 5)
    client.set(key, 1, ex=60)
    with Stack(tmp_path) as stack, pytest.raises(ConfigurationError, match=f"REDIS_URL: {told}"):
        stack.sandbox()
    client.close()


def test_a_redis_that_is_named_and_does_not_answer_is_one_line_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    with Stack(tmp_path) as stack, pytest.raises(ConfigurationError, match="REDIS_URL: no Redis answers there"):
        stack.redis()


def test_a_folder_has_one_stack_at_a_time_and_the_other_is_told_where_it_runs(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        with pytest.raises(ConfigurationError, match="another one is starting"), Stack(tmp_path):
            pass
        stack.own.note(pid=123, addresses={"sandbox": "http://127.0.0.1:8025"})
        told = r"already running at http://127.0.0.1:8025 \(sandbox\) \(process 123\)"
        with pytest.raises(ConfigurationError, match=told), Stack(tmp_path):
            pass
    with Stack(tmp_path):
        pass


@pytest.mark.parametrize("begin", [lambda stack: stack.start("left", ["sleep", "600"]), lambda stack: stack.redis()])
def test_what_a_killed_stack_has_left_ends_before_another_one_begins(
    begin: Callable[[Stack], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Stack(tmp_path) as killed:
        begin(killed)
        (left,) = killed.processes.values()
        killed.own.__exit__(None, None, None)  # as the system does of a process that is killed
        monkeypatch.setattr(stack_folder, "ENDING_SECONDS", 0.1)
        with pytest.raises(ConfigurationError, match="starting or ending there"), StackFolder(tmp_path):
            pass
        monkeypatch.setattr(stack_folder, "ENDING_SECONDS", 60)
        ending = threading.Timer(0.2, left.stop)
        ending.start()
        with StackFolder(tmp_path):
            until(lambda: not left.running, "the end of it")
        ending.join()


def test_the_logs_are_of_this_run(tmp_path: Path) -> None:
    for word in ("first", "second"):
        with Stack(tmp_path) as stack:
            process = stack.start("echo", ["echo", word])
            assert process.wait_for(r"\w+")[0] == word
    assert (tmp_path / "echo.log").read_text() == "second\n"
    assert (tmp_path / "echo.log.1").read_text() == "first\n"


def test_another_terminal_gets_the_settings_once_all_listens_and_no_longer_than_that(tmp_path: Path) -> None:
    folder = tmp_path / "it's a folder"
    with Stack(folder) as stack:
        assert not (folder / "environment").exists()
        file = stack.own.write_environment({"NOTIFIER_TEST": 'it\'s "$HOME"\n two lines'})
        assert os.listdir(folder).count("environment") == 1
        done = subprocess.run(
            ["/bin/bash", "-c", f'source {shlex.quote(str(file))}\ncommand -v notifier\necho "$NOTIFIER_TEST"'],
            env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True,
        )  # fmt: skip
    command, *value = done.stdout.splitlines()
    assert Path(command).parent == Path(sys.executable).parent
    assert value == ['it\'s "$HOME"', " two lines"]
    assert not file.exists(), "it would point to nothing"
    file.write_text("of a stack that was killed")
    with Stack(folder):
        assert not file.exists()


def test_another_terminal_gets_no_real_webhook_and_no_password() -> None:
    kept = {"REDIS_URL": "r", "NOTIFIER_SPOOL_DIR": "s", "DISCORD_QUEUE_SIZE": "5", "DISCORD_WEBHOOK_ERRORS_FILE": "f"}
    webhooks = {"DISCORD_WEBHOOK_GENERAL": "w", "DISCORD_WEBHOOK_ERRORS": "w,v"}
    variables = {**kept, **webhooks, "NOTIFIER_WEB_PASSWORD": "p", "HOME": "h"}
    assert _settings(variables, is_real=True) == kept, "but all other settings, or it would send by other bounds"
    assert _settings(variables, is_real=False) == {**kept, **webhooks}


def test_a_process_is_not_taken_for_the_one_before_it_in_the_same_log(tmp_path: Path) -> None:
    for word in ("first", "second"):
        process = Process("echo", ["echo", word], tmp_path / "echo.log")
        assert process.wait_for(r"\w+")[0] == word
        process.stop()
    assert (tmp_path / "echo.log").read_text() == "first\nsecond\n"


def test_what_it_writes_is_for_its_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "stack"
    with Stack(folder) as stack:
        process = Process("echo", ["echo", "text"], folder / "echo.log")
        process.stop()
        written = folder, folder / "echo.log", stack.own.write_environment({}), *folder.glob("*lock")
        modes = [each.stat().st_mode & 0o777 for each in written]
    assert modes == [0o700, *[0o600] * 4]


@pytest.mark.parametrize("option", ["--sandbox-port", "--web-port", "--flower-port"])
def test_a_port_that_is_taken_is_one_line_before_anything_is_started(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    free = dict.fromkeys(("--sandbox-port", "--web-port", "--flower-port"), "0")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        options = [word for pair in (free | {option: str(port)}).items() for word in pair]
        with pytest.raises(SystemExit):
            main(["up", "--folder", str(tmp_path / "up"), *options])
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        f"Error: port {port}: Address already in use; name another with {option} (0: any that is free) "
        "[configuration_error]"
    ]
    assert not list((tmp_path / "up").glob("*.log"))
