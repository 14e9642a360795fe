"""``notifier intake`` as people run it: from a POST to the channel."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from notifier.cli.processes import Process
from tests.conftest import Sandbox
from tests.e2e.conftest import Notifier
from tests.servers import until

TOKEN = "fake-token-of-the-intake"


@pytest.fixture
def intake(configured: dict[str, str], tmp_path: Path) -> Iterator[Process]:
    """A running intake."""
    (tmp_path / "tokens.txt").write_text(f"{TOKEN}\n\n")
    command = [sys.executable, "-m", "notifier", "intake", "--token-file", "tokens.txt", "--port", "0"]
    process = Process("intake", command, tmp_path / "intake.log", env=configured, cwd=tmp_path)
    yield process
    process.stop()


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_what_is_posted_reaches_the_channel_and_the_token_reaches_no_log(intake: Process, sandbox: Sandbox) -> None:
    address = intake.wait_for(r"listening on (http://\S+)")[1]
    headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "1"}
    body = {"alert_type": "error", "title": "Disk full"}
    first, again = (requests.post(f"{address}/alerts", json=body, headers=headers, timeout=20) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    firing = {"status": "firing", "commonLabels": {"alertname": "Down"}, "alerts": [{"status": "firing"}]}
    answer = requests.post(f"{address}/{TOKEN}/alertmanager?type=monitoring", json=firing, timeout=20)
    assert answer.status_code == 202
    assert requests.post(f"{address}/{TOKEN}x/alerts", json=body, timeout=20).status_code == 401
    until(lambda: len(sandbox.titles()) == 2, "both alerts")
    assert {title.replace("\\", "") for title in sandbox.titles()} == {"Disk full", "[FIRING:1] Down"}
    assert intake.stop() == 0
    assert TOKEN not in intake.output()


@pytest.mark.slow
def test_a_file_without_good_tokens_is_refused(notifier: Notifier, tmp_path: Path) -> None:
    (tmp_path / "tokens.txt").write_text("short\n")
    done = notifier("intake", "--token-file", "tokens.txt")
    assert done.returncode == 1
    assert re.search("16 characters", done.stderr)
    assert "short" not in done.stderr
    assert "cannot be read" in notifier("intake", "--token-file", "no-such-file").stderr
