"""The process that forks workers, commands and programs (``tests/forked.py``): forking.py FD_OF_A_SOCKET"""

import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import threading
import time
import types
import warnings
from typing import Any

IMPORTED = (
    "celery.bin.celery", "celery.apps.worker", "celery.app.amqp", "celery.app.control", "celery.app.events",
    "celery.app.log", "celery.backends.redis", "celery.concurrency.thread", "celery.concurrency.prefork",
    "celery.events.state", "celery.fixups.django", "celery.loaders.app", "celery.worker.autoscale",
    "celery.worker.components", "celery.worker.consumer", "celery.worker.control", "celery.worker.pidbox",
    "celery.worker.strategy", "kombu.transport.redis", "rich.console", "rich.table",
    "notifier.cli", "notifier.cli.output", "notifier.operations.checks", "notifier.operations.explain",
    "notifier.operations.history", "notifier.producer.client", "notifier.pipeline",
    "notifier.service", "notifier.templates", "notifier.worker.consumer", "notifier.worker.delivery",
    "notifier.worker.log", "notifier.worker.sweep", "notifier.worker.transport", "requests", "jinja2.sandbox",
)  # fmt: skip
"""What a worker or a command imports before it reads a setting."""


def main() -> None:
    """Fork for each request, until the other side is closed."""
    connection = socket.socket(fileno=int(sys.argv[1]))
    for name in IMPORTED:
        importlib.import_module(name)
    settings = sys.modules["notifier.settings"].settings
    assert settings.cache_info().currsize == 0, "each worker reads its own"
    gc.freeze()  # else each fork, when it ends, collects all this: four fifths of what a short command costs
    while True:
        text, fds, *_ = socket.recv_fds(connection, 1 << 20, 4)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not text:
            return None
        if os.fork() == 0:
            connection.close()
            os.setsid()
            return _guarded(json.loads(text), *fds)
        for each in fds:
            os.close(each)


def _guarded(asked: dict[str, Any], output: int, errors: int, alive: int, told: int) -> None:
    """Fork the program, and watch it as ``notifier/cli/guard.py`` does."""
    child = os.fork()
    if child == 0:
        os.close(alive)
        os.close(told)
        return _run(asked, output, errors)
    os.close(output)
    os.close(errors)
    os.write(told, f"{child}\n".encode())

    def watch() -> None:
        os.read(alive, 1)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGTERM)
            time.sleep(asked["grace_seconds"])
            os.kill(child, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.write(told, f"{code if code >= 0 else 128 - code}\n".encode())
    os._exit(0)


def _run(asked: dict[str, Any], output: int, errors: int) -> None:
    """Become what ``python -m MODULE ARGUMENTS`` is, or ``python -W error -c PROGRAM``."""
    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.close(output)
    os.close(errors)
    if os.isatty(1):  # what was made for a file wants to know its place in it
        for fd, name in enumerate(("stdout", "stderr"), 1):
            made = getattr(sys, name)
            setattr(sys, name, open(fd, "w", encoding=made.encoding, errors=made.errors, closefd=False))  # noqa: SIM115
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["cwd"])
    sys.path[0] = asked["cwd"]
    module, *arguments = asked["module"]
    if module == "-c":
        sys.argv = [module]
        sys.warnoptions.append("error")
        warnings.simplefilter("error")
        sys.modules["__main__"] = program = types.ModuleType("__main__")
        exec(compile(arguments[0], "<string>", "exec"), vars(program))  # noqa: S102
    else:
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
