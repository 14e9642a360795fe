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
import threading


def main() -> int:
    """Start the command, write its process id to PID_FD, and exit with its exit code."""
    pid_fd, grace_seconds, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=True)

    def watch() -> None:
        sys.stdin.buffer.read()
        child.terminate()
        try:
            child.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            child.kill()

    woken, waking = os.pipe()
    os.set_blocking(waking, False)
    signal.set_wakeup_fd(waking)  # a signal that comes just before a wait is not seen before its end
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: child.terminate())
    threading.Thread(target=watch, daemon=True).start()
    with contextlib.suppress(OSError):  # nobody reads if the starter has ended meanwhile; watch() then ends the command
        os.write(pid_fd, f"{child.pid}\n".encode())
    os.close(pid_fd)
    while (code := child.poll()) is None:
        select.select([woken], [], [])
        os.read(woken, 512)
    return code


if __name__ == "__main__":
    code = main()
    os._exit(code if code >= 0 else 128 - code)
