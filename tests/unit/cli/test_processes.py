"""A process that has just ended has ended for whoever hurts it or looks at it, before its guard has said so."""

import signal
import sys
from pathlib import Path

import psutil
import pytest

from notifier.cli.processes import Process
from tests.conftest import kill_whole, processes_below
from tests.servers import until

STARTER = """
import pathlib, sys, time
from notifier.cli.processes import Process
print(Process('child', ['sleep', '600'], pathlib.Path(sys.argv[1])).pid, flush=True)
time.sleep(600)
"""


class LateNews(Process):
    """Its guard says at the first look that it runs, whatever has become of it."""

    looks = 0

    @property
    def running(self) -> bool:
        """As the guard says."""
        self.looks += 1
        return self.looks == 1 or super().running


@pytest.fixture
def gone(tmp_path: Path) -> LateNews:
    """One that has ended."""
    process = LateNews("gone", ["true"], tmp_path / "log")
    until(lambda: not psutil.pid_exists(process.pid), "its end", poll_seconds=0.01)
    return process


def test_a_signal_to_it_does_nothing(gone: LateNews) -> None:
    gone.signal(signal.SIGTERM)
    assert gone.looks == 1
    assert gone.stop() == 0


def test_to_kill_it_is_to_wait_for_it(gone: LateNews) -> None:
    gone.kill()
    assert not gone.running


def test_it_has_no_processes_any_more(gone: LateNews) -> None:
    assert processes_below(gone) == []
    assert gone.looks > 1, "it has ended, and is not only out of sight"
    gone.stop()


def test_one_that_runs_is_killed_with_those_it_has_started(tmp_path: Path) -> None:
    process = Process("parent", ["sh", "-c", "sleep 600 & echo ready; sleep 601"], tmp_path / "log")
    process.wait_for("ready")
    until(lambda: len(processes_below(process)) == 2, "both", poll_seconds=0.01)
    pool = processes_below(process)
    kill_whole(process)
    assert psutil.wait_procs(pool, 60)[1] == []


def test_one_that_does_not_end_when_it_is_asked_is_made_to(tmp_path: Path) -> None:
    command = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.01; done"]
    process = Process("deaf", command, tmp_path / "log", grace_seconds=0.1)
    process.wait_for("ready")
    assert process.stop() == 128 + signal.SIGKILL
    assert not psutil.pid_exists(process.pid)


def test_one_that_its_starter_left_by_kill_9_is_ended(tmp_path: Path) -> None:
    starter = Process("starter", [sys.executable, "-c", STARTER, str(tmp_path / "child")], tmp_path / "log")
    started = psutil.Process(int(starter.wait_for(r"^(\d+)$")[1]))
    starter.kill()
    until(lambda: not started.is_running(), "its end", poll_seconds=0.01)
