"""Runs a command that must not outlive the process that started it, even if that one is killed.

    python guard.py PID_FD GRACE_SECONDS COMMAND [ARGUMENT ...]

Standard input is a pipe from the starter. When it closes (the starter ended, even by kill -9), the command is
asked to end, and after GRACE_SECONDS made to. Uses the standard library alone: it starts in a blink.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator


def main() -> int:
    """Start the command, write its process id to PID_FD, and exit with its exit code."""
    pid_fd, grace_seconds, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=True)
    with wake_ups() as woken:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: child.terminate())
        with contextlib.suppress(OSError):  # nobody reads if the starter has ended meanwhile; the command is ended then
            os.write(pid_fd, f"{child.pid}\n".encode())
        os.close(pid_fd)
        return _await_end(child, woken, grace_seconds)


@contextlib.contextmanager
def wake_ups() -> Iterator[int]:
    """A descriptor that each signal makes readable: Python sees one just before a plain wait only after that wait."""
    woken, waking = os.pipe()
    os.set_blocking(waking, False)
    before = signal.set_wakeup_fd(waking, warn_on_full_buffer=False)
    handler = signal.signal(signal.SIGCHLD, lambda *_: None)
    mask = signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})  # whoever started this one may have blocked it
    try:
        yield woken
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGCHLD, handler)
        signal.set_wakeup_fd(before)
        os.close(woken)
        os.close(waking)


def _await_end(child: "subprocess.Popen[bytes]", woken: int, grace_seconds: float) -> int:
    # one thread: of two that call `poll` at once, one is told that the command still runs
    starter = [sys.stdin.fileno()]
    kill_at: float | None = None
    while (code := child.poll()) is None:
        left = None if kill_at is None else max(0.0, kill_at - time.monotonic())
        ready, _, _ = select.select([woken, *starter], [], [], left)
        if not ready:
            child.kill()
            kill_at = None
        elif woken in ready:
            os.read(woken, 512)
        elif not os.read(starter[0], 512):  # its end
            child.terminate()
            starter, kill_at = [], time.monotonic() + grace_seconds
    return code


if __name__ == "__main__":
    code = main()
    os._exit(code if code >= 0 else 128 - code)
