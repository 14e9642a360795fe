"""The process: what it prints, how it ends."""

import json
import logging
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import requests

from notifier.sandbox.command import Plain
from tests.hostile import TEXT, assert_harmless

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts sandboxes that end with the test, even if pytest is killed with kill -9."""
    started: list[subprocess.Popen[str]] = []

    def run(*arguments: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-W", "error", "-m", "notifier.sandbox", "--exit-with-stdin", *arguments]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait(20)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def test_it_prints_its_address_first_and_then_settings_that_work(start: Start) -> None:
    process = start("--port", "0")
    first = re.fullmatch(r"sandbox listening on (http://127\.0\.0\.1:\d+)", line(process))
    assert first is not None
    settings = dict(line(process).split("=", 1) for _ in range(7))
    names = ["GENERAL", "ERRORS", "CRITICAL", "TRACKLIST", "MONITORING", "SECURITY"]
    assert list(settings) == ["DISCORD_API_URL", *[f"DISCORD_WEBHOOK_{name}" for name in names]]
    assert settings["DISCORD_API_URL"] == f"{first[1]}/api/v10"
    for number, name in enumerate(names, start=1):
        answer = requests.get(settings[f"DISCORD_WEBHOOK_{name}"], timeout=10)
        assert answer.json()["id"] == str(1000000000000000000 + number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_when_asked_even_with_a_page_open(start: Start, number: signal.Signals) -> None:
    process = start("--port", "0")
    address = line(process).split()[-1]
    with requests.get(f"{address}/sandbox/events", stream=True, timeout=10):
        process.send_signal(number)
        _, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")


def test_it_ends_with_its_parent(start: Start) -> None:
    process = start("--port", "0")
    line(process)
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(20) == 0


def test_a_port_in_use_is_reported_and_exits_1(start: Start) -> None:
    port = line(start("--port", "0")).rsplit(":", 1)[1]
    second = start("--port", port)
    _, errors = second.communicate(timeout=20)
    assert second.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in errors
    assert "Traceback" not in errors


def test_json_is_one_line_for_programs(start: Start) -> None:
    process = start("--port", "0", "--json", "--window", "5", "--bucket-mode", "fixed", "--no-limits")
    told = json.loads(line(process))
    assert told["environment"]["DISCORD_API_URL"] == told["address"] + "/api/v10"
    limits = requests.get(f"{told['address']}/sandbox/limits", timeout=10).json()
    assert limits["bucket"]["window_seconds"] == 5
    assert limits["bucket"]["mode"] == "fixed"
    assert limits["enabled"] is False


def test_help_has_examples(start: Start) -> None:
    output, _ = start("--help").communicate(timeout=20)
    assert "Examples:" in output
    assert "--exit-with-stdin" not in output


def test_a_record_of_its_log_forges_no_line_and_controls_no_terminal() -> None:
    written = Plain("%(asctime)s %(message)s").format(logging.makeLogRecord({"msg": TEXT}))
    assert_harmless("a record", written)
    assert [line for line in written.splitlines()[1:] if not line.startswith("    ")] == []
