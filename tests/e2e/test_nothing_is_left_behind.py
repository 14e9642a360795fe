"""Every process that is started ends with the process that started it, however that one ends."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from notifier.cli.processes import Process, ProcessFailed
from tests.conftest import Sandbox
from tests.e2e import hanging_suite
from tests.e2e.leftovers import processes_of, wait_until_none
from tests.servers import until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NOTIFIER = [sys.executable, "-m", "notifier"]
PYTEST = [sys.executable, "-m", "pytest", "-s", "-n1", "-p", "no:cacheprovider"]


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "REDIS_URL"}


def test_killing_the_test_suite_leaves_no_process(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    suite = Process(
        "suite",
        [
            sys.executable,
            "-m",
            "pytest",
            "-s",
            "-n1",
            "-p",
            "no:cacheprovider",
            f"--basetemp={inner}",
            hanging_suite.__file__,
        ],
        tmp_path / "suite.log",
        cwd=ROOT,
        env=clean_environment(),
    )

    def is_up() -> bool:
        assert suite.running, suite.tail()
        return any(inner.glob(f"*/{hanging_suite.UP}"))

    until(is_up, "all that the suite starts", 150)
    running = processes_of(inner)
    assert any("redis-server" in each or "valkey-server" in each for each in running)
    assert any("notifier.sandbox" in each for each in running)
    assert any("celery" in each or "forking" in each for each in running)
    suite.kill()
    assert wait_until_none(inner) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_demo_interrupted_or_killed_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    environment = {**clean_environment(), "TMPDIR": str(tmp_path)}
    demo = subprocess.Popen(
        [*NOTIFIER, "demo", "--burst", "500"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        until(lambda: "celery" in " ".join(processes_of(tmp_path)) or demo.poll() is not None, "its worker")
        assert demo.poll() is None
        os.kill(demo.pid, number)
        _, said = demo.communicate(timeout=150)
    finally:
        demo.kill()
        demo.wait()
    assert wait_until_none(tmp_path) == []
    assert b"Traceback" not in said
    assert demo.returncode != 0


PORTS = ["--sandbox-port", "0", "--web-port", "0", "--flower-port", "0"]


def test_up_serves_until_ctrl_c_and_then_ends_everything(tmp_path: Path, sandbox: Sandbox) -> None:
    shutil.copy(ROOT / ".env.example", tmp_path / ".env")  # unchanged: the first command that a newcomer runs
    folder = tmp_path / "a folder"
    command = [*NOTIFIER, "up", "--folder", str(folder), *PORTS]
    up = Process("up", command, tmp_path / "up.log", cwd=tmp_path, env=clean_environment())
    try:
        up.wait_for("Ctrl-C ends all of it")
        said = up.output()
        addresses = re.findall(r"^(Sandbox|Page|Flower):\s+(http://\S+)", said, re.MULTILINE)
        assert [name for name, _ in addresses] == ["Sandbox", "Page", "Flower"]
        for _, address in addresses:
            assert requests.get(address, timeout=30).status_code == 200
        printed = said.partition("Raise alerts from another terminal:\n")[2].partition("\n\n")[0]
        printed = printed.replace("--wait 10", "--wait 60")  # this machine may be busy
        sent = subprocess.run(
            ["/bin/bash", "-ec", f"{printed}\nnotifier check --json"], cwd="/",
            env={**clean_environment(), "PATH": "/usr/bin:/bin"},
            capture_output=True, text=True, timeout=150, check=False,
        )  # fmt: skip
        assert sent.returncode == 0, sent.stderr
        assert sent.stdout.startswith("delivered ")
        assert '"valid": true' in sent.stdout, "the sandbox's webhooks are known there too"
        again = subprocess.run(
            command, cwd=tmp_path, env=clean_environment(), capture_output=True, text=True, timeout=150, check=False
        )
        assert again.returncode == 1
        running = rf"^Error: {folder}: already running at {addresses[0][1]} .*\(process {up.pid}\)"
        assert re.search(running, again.stderr)
        assert len(again.stderr.splitlines()) == 1
        os.kill(up.pid, signal.SIGINT)
        with pytest.raises(ProcessFailed, match="code 0"):
            up.wait_for("this is never printed")
    finally:
        up.stop()
    assert wait_until_none(folder) == []


def test_up_posts_to_the_real_webhooks_if_they_are_configured_and_starts_again_after_a_kill(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    # "real" is a sandbox of another address here: what matters is that it is the configured one
    lines = [f"{name}={value}" for name, value in sandbox.variables.items()]
    (tmp_path / ".env").write_text("\n".join(lines), encoding="utf-8")
    folder = tmp_path / "up"
    command = [*NOTIFIER, "up", "--folder", str(folder), "--json", *PORTS]
    for title in ("for real", "after a kill"):
        up = Process("up", command, tmp_path / f"{title}.log", cwd=tmp_path, env=clean_environment())
        try:
            told = json.loads(up.wait_for(r"(?s)^\{.*^\}")[0])
            script = f"source {told['environment']} && {shlex.join(NOTIFIER)} send security '{title}' --wait 60"
            subprocess.run(
                ["/bin/bash", "-c", script], cwd=tmp_path, env=clean_environment(),
                capture_output=True, timeout=150, check=True,
            )  # fmt: skip
            assert sandbox.titles()[-1] == title
            assert requests.get(told["web"], timeout=30).status_code == 200
        finally:
            up.kill()  # the next one waits for what it leaves behind
    assert wait_until_none(folder) == []
