"""What ``notifier up`` starts comes up again, whatever it was stopped with."""

import subprocess
import sys
from pathlib import Path

import pytest

from notifier.cli.processes import Process
from notifier.cli.stack import Stack
from notifier.cli.up import _settings_file
from notifier.errors import ConfigurationError
from notifier.storage.connection import connect
from tests.names import names


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


def test_a_redis_with_a_live_worker_is_refused_for_it_would_take_the_alerts(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    client = connect(redis_url, 5)
    client.set(names.worker("somebody"), 1, ex=60)
    with Stack(tmp_path) as stack, pytest.raises(ConfigurationError, match="a worker runs there"):
        stack.sandbox()
    client.close()


def test_a_folder_is_used_by_one_at_a_time(tmp_path: Path) -> None:
    with Stack(tmp_path), pytest.raises(ConfigurationError, match="in use by another one"), Stack(tmp_path):
        pass
    with Stack(tmp_path):
        pass


def test_a_process_is_not_taken_for_the_one_before_it_in_the_same_log(tmp_path: Path) -> None:
    for word in ("first", "second"):
        process = Process("echo", ["echo", word], tmp_path / "echo.log")
        assert process.wait_for(r"\w+")[0] == word
        process.stop()
    assert (tmp_path / "echo.log").read_text() == "first\nsecond\n"


def test_what_another_terminal_sources_finds_the_commands(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack:
        file = _settings_file(stack)
    done = subprocess.run(
        ["/bin/bash", "-c", f". {file} && command -v notifier"],
        env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(done.stdout.strip()).parent == Path(sys.executable).parent


def test_what_it_writes_is_for_its_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "stack"
    with Stack(folder) as stack:
        (folder / "environment").write_text("of an earlier version")
        (folder / "environment").chmod(0o644)
        process = Process("echo", ["echo", "text"], folder / "echo.log")
        process.stop()
        modes = [each.stat().st_mode & 0o777 for each in (folder, folder / "echo.log", _settings_file(stack))]
    assert modes == [0o700, 0o600, 0o600]
