"""Redis, a sandbox for Discord, a worker and a dashboard on one machine."""

import os
import re
import secrets
import socket
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from notifier.cli.embedded_redis import start_redis
from notifier.cli.processes import Process
from notifier.cli.stack_folder import StackFolder
from notifier.environment import file_environment
from notifier.errors import BrokerUnavailable, ConfigurationError
from notifier.settings import DEFAULT_KEY_PREFIX, DEFAULT_REDIS_URL
from notifier.storage.connection import broker_errors, connect
from notifier.storage.keys import Keys

LISTENING = r"sandbox listening on (http://\S+)"
READY = r"\S+@\S+ ready\."
FLOWER_READY = r"Connected to redis|Visit me at"
WEB_READY = r"web listening on (http://\S+)"


def _answers(url: str) -> bool:
    client = connect(url, timeout_seconds=1)
    try:
        with broker_errors():
            return bool(client.ping())
    except BrokerUnavailable:
        return False
    finally:
        client.close()


OWN_PORTS = range(20_000, 32_000)
"""Ours: where a port is looked for that is free, and stays so: systems give none of these to connections."""


def refuse_taken(port: int, option: str) -> None:
    """Raises ConfigurationError: something listens there; names the option that takes another port."""
    try:
        _probe(port)
    except OSError as error:
        why = error.strerror or error
        raise ConfigurationError(f"port {port}: {why}; name another with {option} (0: any that is free)") from None


def free_port() -> int:
    """One on which nothing listens."""
    while True:
        port = secrets.choice(OWN_PORTS)
        with suppress(OSError):
            _probe(port)
            return port


def _probe(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))


class Stack:
    """Processes that are started together and stopped together, in reverse order.

    Raises (on entering it): as ``StackFolder``.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.own = StackFolder(folder)
        self.folder = folder
        self.environment = dict(os.environ if environment is None else environment)
        self.processes: dict[str, Process] = {}
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        self._closing.enter_context(self.own)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def keep_settings(self) -> None:
        """Hand ``.env`` on to the processes: they run in the stack's folder and do not see it."""
        self.environment = {**file_environment(), **self.environment}

    def redis(self) -> str:
        """``REDIS_URL`` if it is set (and, if it is the default, answers), else a Redis that this stack starts.

        Raises:
            ConfigurationError: nothing answers there.
        """
        url = self.environment.get("REDIS_URL", "")
        if url and _answers(url):
            return url
        if url not in ("", DEFAULT_REDIS_URL):  # as of a stack that has ended, in a terminal that had its settings
            raise ConfigurationError("REDIS_URL: no Redis answers there; start it, or unset the variable")
        process, url = start_redis(self.folder / "redis", (self.own.held_fd,))
        self._keep(process)
        self.environment["REDIS_URL"] = url
        return url

    def sandbox(self, port: int = 0, *, adopt: bool = True) -> str:
        """Start a sandbox, and return its address. ``adopt``: its six webhooks become the configured ones."""
        process = self.start("sandbox", [sys.executable, "-m", "notifier.sandbox", "--port", str(port)])
        address = process.wait_for(LISTENING)[1]
        process.wait_for(r"^DISCORD_WEBHOOK_SECURITY=")
        if adopt:
            found = dict(re.findall(r"^(DISCORD_\w+)=(\S+)$", process.output(), re.MULTILINE))
            self._refuse_a_redis_in_use({url.split("/")[-2] for name, url in found.items() if "WEBHOOK" in name})
            self.environment.update(found)
        return address

    def _refuse_a_redis_in_use(self, webhook_ids: set[str]) -> None:
        # a worker whose Discord is a sandbox would deliver somebody's real alerts there
        client = connect(self.environment["REDIS_URL"], timeout_seconds=5)
        keys = Keys(self.environment.get("NOTIFIER_KEY_PREFIX") or DEFAULT_KEY_PREFIX)
        with broker_errors():
            used = {key.removeprefix(keys.gate("", "")[:-1]).split(":")[0] for key in client.scan_iter(keys.gate("*"))}
            waiting = list(client.scan_iter(keys.outbox("*", "waiting")))
            workers = list(client.scan_iter(keys.worker("*")))
        client.close()
        foreign = used - webhook_ids - {""}
        # what waits in a Redis of our own was raised for a sandbox, unless a gate says otherwise
        if "redis" in self.processes:
            if foreign:
                raise ConfigurationError(f"{self.folder}: alerts for real webhooks live there; name another folder")
        elif workers:
            raise ConfigurationError("REDIS_URL: a worker runs there and would take these alerts; name another")
        elif waiting or foreign:
            raise ConfigurationError("REDIS_URL: alerts for real webhooks live there; name another, or unset it")

    def worker(self, name: str = "worker") -> Process:
        """Start a Celery worker on all six queues; it is ready when this returns."""
        process = self.begin_worker(name)
        process.wait_for(READY)
        return process

    def begin_worker(self, name: str = "worker") -> Process:
        """Start a Celery worker; it is ready when it prints ``READY``."""
        command = [sys.executable, "-m", "celery", "-A", "notifier", "worker", "--loglevel", "INFO"]
        return self.start(name, [*command, "--hostname", f"{name}@%h"])

    def begin_flower(self, port: int) -> Process:
        """Start Flower, which changes nothing and remembers what it saw. It is ready with ``FLOWER_READY``."""
        kept = {"FLOWER_READ_ONLY": "true", "FLOWER_PERSISTENT": "true", "FLOWER_DB": str(self.folder / "flower.db")}
        self.environment = {**kept, **self.environment}
        command = [sys.executable, "-m", "celery", "-A", "notifier", "flower", "--address=127.0.0.1", f"--port={port}"]
        return self.start("flower", command)

    def begin_web(self, port: int) -> Process:
        """Start the operator's page; it is ready when it prints ``WEB_READY``."""
        return self.start("web", [sys.executable, "-m", "notifier", "web", "--port", str(port)])

    def start(self, name: str, command: list[str]) -> Process:
        """Run a command in the folder and with the environment of the stack."""
        self.environment.setdefault("PYTHONUNBUFFERED", "1")
        process = Process(
            name,
            command,
            self.folder / f"{name}.log",
            env={"NOTIFIER_LOG_FORMAT": "text", **self.environment},
            cwd=self.folder,
            held_fds=(self.own.held_fd,),
        )
        self._keep(process)
        return process

    def _keep(self, process: Process) -> None:
        self.processes[process.name] = process
        self._closing.callback(process.stop)
