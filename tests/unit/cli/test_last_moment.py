"""A signal that comes just before the wait for a command is passed on now, not when the command has ended."""

import subprocess
import sys
from pathlib import Path

import pytest

LISTENS = """
import pathlib, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
pathlib.Path(sys.argv[1]).touch()
sys.exit(0 if signal.sigtimedwait({signal.SIGTERM}, 30) else 1)
"""
RUN = """
import ctypes, functools, operator, os, select, signal, sys, time

def at_the_last_moment(waits):
    def wait(*arguments):
        global is_sent
        if is_sent or os.WNOHANG in arguments:
            return waits(*arguments)
        is_sent = True
        while not os.path.exists('ready'):
            time.sleep(0.01)
        # C calls one after the other: Python looks for signals before the first and after the second
        steps = [functools.partial(ctypes.CDLL(None)['raise'], signal.SIGTERM), functools.partial(waits, *arguments)]
        return list(map(operator.call, steps))[1]
    return wait

is_sent = False
os.waitpid, select.select = map(at_the_last_moment, (os.waitpid, select.select))
command = [sys.executable, '-c', sys.argv[1], 'ready']
"""
BLOCKED = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
command = ['sh', '-c', 'sleep 0.5; exit 3']
"""
RUNNERS = {
    "job run": "from notifier.cli.child import run_child\nsys.exit(run_child(command).exit_code)",
    "guard": "from notifier.cli import guard\nsys.argv = ['', str(os.dup(1)), '5', *command]\nos._exit(guard.main())",
}


@pytest.mark.parametrize("runner", RUNNERS)
def test_a_signal_just_before_the_wait_is_passed_on(runner: str, tmp_path: Path) -> None:
    command = [sys.executable, "-c", RUN + RUNNERS[runner] + "\n", LISTENS]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as running:
        assert running.wait(60) == 0


@pytest.mark.parametrize("runner", RUNNERS)
def test_the_end_of_a_command_is_seen_where_the_starter_has_blocked_its_signal(runner: str) -> None:
    command = [sys.executable, "-c", BLOCKED + RUNNERS[runner] + "\n"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as running:
        try:
            assert running.wait(60) == 3
        finally:
            running.kill()
