"""``notifier intake`` as people run it: from a POST to the channel."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from notifier.cli.processes import Process
from tests.conftest import Sandbox
from tests.e2e.conftest import Notifier
from tests.forked import start_module
from tests.servers import free_port, until

TOKEN = "fake-token-of-the-intake"


@contextmanager
def running(environment: dict[str, str], folder: Path) -> Iterator[Process]:
    """A running intake."""
    (folder / "tokens.txt").write_text(f"{TOKEN}\n\n")
    command = ["notifier", "intake", "--token-file", "tokens.txt", "--port", "0"]
    process = start_module("intake", command, folder / "intake.log", env=environment, cwd=folder)
    yield process
    process.stop()


@pytest.fixture
def intake(configured: dict[str, str], tmp_path: Path) -> Iterator[Process]:
    """One that belongs to the test's Redis."""
    with running(configured, tmp_path) as process:
        yield process


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_what_is_posted_reaches_the_channel_and_the_token_reaches_no_log(intake: Process, sandbox: Sandbox) -> None:
    address = intake.wait_for(r"listening on (http://\S+)")[1]
    headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": "1"}
    body = {"alert_type": "error", "title": "Disk full"}
    first, again = (requests.post(f"{address}/alerts", json=body, headers=headers, timeout=20) for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    path = f"{address}/{TOKEN}/alertmanager"
    down: dict[str, Any] = {"status": "firing", "labels": {"alertname": "Down"}, "startsAt": "2026-10-31T15:00:00Z"}
    for _ in range(2):  # what still fires is posted again
        assert requests.post(path, json={"alerts": [{**down, "fingerprint": "f1"}]}, timeout=20).status_code == 202
    assert requests.post(f"{address}/{TOKEN}x/alerts", json=body, timeout=20).status_code == 401
    until(lambda: len(sandbox.titles()) == 2, "both alerts")
    over = {**down, "fingerprint": "f1", "status": "resolved", "endsAt": "2026-10-31T15:05:00Z"}
    assert requests.post(path, json={"alerts": [over]}, timeout=20).status_code == 202
    until(lambda: "✅ Down" in sandbox.titles(), "its message turns green")
    assert sorted(title.replace("\\", "") for title in sandbox.titles()) == ["Disk full", "✅ Down"]
    (fields,) = (
        {field["name"]: field["value"] for field in embed["fields"]}
        for message in sandbox.messages()
        for embed in message["embeds"]
        if embed["title"] == "✅ Down"
    )
    assert "came once" in fields["Resolved"]
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


@pytest.mark.slow
def test_while_redis_is_away_it_answers_once_an_alert_is_on_the_disk(
    environment: dict[str, str], tmp_path: Path
) -> None:
    away = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0", "NOTIFIER_SPOOL_DIR": str(tmp_path / "spool")}
    with running({**environment, **away}, tmp_path) as process:
        address = process.wait_for(r"listening on (http://\S+)")[1]
        answer = requests.post(f"{address}/{TOKEN}/slack", json={"text": "Disk full"}, timeout=20)
        assert (answer.status_code, answer.text) == (200, "ok")
        assert [each for each in (tmp_path / "spool").rglob("*") if each.is_file()]
        os.kill(process.pid, signal.SIGINT)
        until(lambda: not process.running, "Ctrl-C ends it")
        assert process.stop() == 0
