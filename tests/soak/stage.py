"""The processes of the soak: a Redis, a sandbox, three workers, two applications. Each can be hurt and brought back."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import psutil

from notifier.cli.processes import Process
from notifier.cli.stack import LISTENING
from tests.conftest import SETTINGS as OF_THE_USER
from tests.conftest import Sandbox
from tests.servers import OwnRedis

WORKERS = 3
CALLERS = 2
SURVIVOR = 0
"""The worker that nobody kills, so that its memory can be watched; it is paused as the others are."""
CHECKOUT = Path(__file__).parents[2]
SETTINGS = {
    "DISCORD_TIMEOUT_SECONDS": "2",
    "DISCORD_RETRY_ATTEMPTS": "5",
    "DISCORD_RETRY_BACKOFF_SECONDS": "0.5",
    "DISCORD_RETRY_BACKOFF_MAX_SECONDS": "5",
    "DISCORD_BREAKER_OPEN_SECONDS": "2",
    "DISCORD_BREAKER_OPEN_MAX_SECONDS": "5",
    "DISCORD_QUEUE_SIZE": "60",
    "DISCORD_GROUP_SECONDS_TRACKLIST": "5",
    "NOTIFIER_SWEEP_SECONDS": "2",
    "NOTIFIER_LOG_FORMAT": "text",
}


class Stage:
    """All of them, with their files in ``folder``."""

    def __init__(self, folder: Path, seed: int, per_second: float) -> None:
        self.folder = folder
        self.ledgers = folder / "ledgers"
        self.ledgers.mkdir(parents=True)
        self._seed, self._per_second = seed, per_second
        self.redis = OwnRedis(folder / "redis")
        command = [sys.executable, "-m", "notifier.sandbox", "--port", "0"]
        process = Process("sandbox", command, folder / "sandbox.log")
        address = process.wait_for(LISTENING)[1]
        process.wait_for(r"^DISCORD_WEBHOOK_SECURITY=")
        self.sandbox = Sandbox(process, address)
        bare = {name: value for name, value in os.environ.items() if not name.upper().startswith(OF_THE_USER)}
        self.environment = bare | self.sandbox.variables | SETTINGS
        self.environment |= {"REDIS_URL": self.redis.url, "NOTIFIER_SPOOL_DIR": str(folder / "spool")}
        self.environment |= {"PYTHONPATH": str(CHECKOUT), "NOTIFIER_RUN_DIR": str(folder / "run")}
        self.workers: list[Process] = []
        self.callers: list[Process] = []
        self._generations = [0] * CALLERS
        for number in range(WORKERS):
            (folder / f"worker{number}").mkdir()
            self.workers.append(self.start_worker(number))
        for number in range(WORKERS):
            self.workers[number].wait_for(rf"worker{number}@\S+ ready\.")
        self.callers = [self.start_caller(number) for number in range(CALLERS)]

    def start_worker(self, number: int) -> Process:
        """A worker on all queues."""
        name, folder = f"worker{number}", self.folder / f"worker{number}"
        command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--loglevel", "INFO"]
        command += ["--hostname", f"{name}@%h", "--without-gossip", "--without-mingle"]
        return Process(name, command, folder / "worker.log", env=self.environment, cwd=folder)

    def start_caller(self, number: int) -> Process:
        """An application. Each that follows a killed one raises alerts of its own, and shares the spool with it."""
        name = f"c{number}g{self._generations[number]}"
        self._generations[number] += 1
        command = [sys.executable, "-m", "tests.soak.caller", name, str(self._seed), str(self._per_second / CALLERS)]
        log = self.folder / f"caller{number}.log"
        return Process(name, [*command, str(self.ledgers)], log, env=self.environment, cwd=self.folder)

    def heal(self) -> None:
        """End every fault: what is frozen goes on, what has ended is started again."""
        if self.redis.process.running:
            self.redis.thaw()
        else:
            self.redis.back()
        self.sandbox.call("DELETE", "faults")
        self.sandbox.call("DELETE", "ban")
        for number, worker in enumerate(self.workers):
            if worker.running:
                thaw(worker)
            else:
                self.workers[number] = self.start_worker(number)

    def end_callers(self, within_seconds: float) -> None:
        """Let each end its call, and hand over what is in their spool, which waits where an outbox is full."""
        for caller in self.callers:
            thaw(caller)
            caller.stop()
        command = [sys.executable, "-m", "notifier", "spool", "flush"]
        log = self.folder / "flush.log"
        flush = Process("flush", command, log, env=self.environment, cwd=self.folder, grace_seconds=60)
        # what is left there never ends, and the account says so; a flush that has ended already is no longer there
        with suppress(psutil.TimeoutExpired, psutil.NoSuchProcess):
            psutil.Process(flush.pid).wait(within_seconds)
        flush.stop()

    def stop(self) -> None:
        """End all of it."""
        for process in (*self.callers, *self.workers):
            thaw(process)
            process.stop()
        self.redis.stop()
        self.sandbox.process.stop()


def freeze(process: Process) -> None:
    """Stop it where it is."""
    process.signal(signal.SIGSTOP)


def thaw(process: Process) -> None:
    """Let it go on."""
    process.signal(signal.SIGCONT)
