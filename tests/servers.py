"""Servers that a test stops, freezes and starts again: a Redis, one behind sentinels, a RabbitMQ."""

import os
import random
import shutil
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import redis

from notifier.cli.embedded_redis import PORT_TRIES, redis_server, run_redis
from notifier.cli.processes import Process
from notifier.storage.connection import connect

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""Debian's wrapper on PATH insists on a user and folders of its own; this is the script behind it."""
MASTER_NAME = "alerts"


def until(
    condition: Callable[[], object], what: str, timeout_seconds: float = 60, *, poll_seconds: float = 0.1
) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(poll_seconds)


def free_port() -> int:
    """A free port that stays free while nobody listens: below those that the system gives to clients by itself.

    Of those, another server may be given one before this one has taken it, and a client that tries again and again to
    reach a server that is away is given that server's own at last.
    """
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(lowest // 2, lowest)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def answers(client: "redis.Redis") -> bool:
    """Whether Redis answers."""
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False


class OwnRedis:
    """A Redis that a test can kill and freeze."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for _ in range(PORT_TRIES):
            self.port = free_port()
            self.url = f"redis://127.0.0.1:{self.port}/0"
            self.process = run_redis(folder, self.port)
            if self._came_up():
                return
        raise AssertionError(self.process.tail())

    def freeze(self) -> None:
        """Stop the process: connections are accepted, and nothing is answered."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the process go on."""
        os.kill(self.process.pid, signal.SIGCONT)

    def away(self) -> None:
        """Kill it: connections are refused."""
        self.process.kill()

    def back(self) -> None:
        """Start it with its data."""
        self.process = run_redis(self.folder, self.port)
        assert self._came_up(), self.process.tail()

    def _came_up(self) -> bool:
        """Wait until this very process answers, or has ended: another one may have taken the port."""
        client = connect(self.url, 5)
        until(lambda: not self.process.running or answers(client), "Redis")
        with client, suppress(redis.RedisError):
            return bool(cast("Any", client.info("server"))["process_id"] == self.process.pid)
        return False

    def statistics(self) -> dict[str, Any]:
        """Its statistics of each command."""
        client = connect(self.url, 5)
        try:
            return dict(client.info("commandstats"))
        finally:
            client.close()

    def stop(self) -> None:
        """End it."""
        if self.process.running:
            self.thaw()
        self.process.stop()


class SentinelRedis:
    """A master, two replicas, and three sentinels that let one of those take over."""

    def __init__(self, folder: Path) -> None:
        self.master = OwnRedis(folder / "master")
        self.replicas = [OwnRedis(folder / f"replica-{number}") for number in range(2)]
        for each in self.replicas:
            follower = connect(each.url, 5)
            follower.replicaof("127.0.0.1", str(self.master.port))
            until(lambda: follower.info("replication")["master_link_status"] == "up", "the replica")  # noqa: B023
            follower.close()
        self.sentinels: list[Process] = []
        self._ports = ports = [free_port() for _ in range(3)]
        for port in ports:
            own = folder / f"sentinel-{port}"
            own.mkdir()
            lines = [
                f"port {port}",
                "bind 127.0.0.1",
                f"dir {own}",
                f"sentinel monitor {MASTER_NAME} 127.0.0.1 {self.master.port} 2",
                f"sentinel down-after-milliseconds {MASTER_NAME} 3000",
                f"sentinel failover-timeout {MASTER_NAME} 5000",
            ]
            (own / "sentinel.conf").write_text("\n".join(lines))
            command = [redis_server(), str(own / "sentinel.conf"), "--sentinel"]
            self.sentinels.append(Process("sentinel", command, own / "sentinel.log"))
        self.url = f"sentinel://{','.join(f'127.0.0.1:{port}' for port in ports)}/0?master_name={MASTER_NAME}"
        try:
            until(lambda: all(map(_knows_all, ports)), "sentinels that know each other and the replicas")
        except AssertionError:
            self.stop()
            raise

    def misses_master(self) -> bool:
        """Whether a sentinel takes the master for dead."""
        return bool(self._told_of_master()["is_sdown"])

    def promoted(self) -> OwnRedis | None:
        """The replica that is the master now: the sentinels have closed the connections to it that were before."""
        master = self._told_of_master()
        return next((each for each in self.replicas if each.port == master["port"]), None)

    def failovers(self) -> int:
        """How often a replica has taken over. The epoch counts elections too of which no sentinel came out first."""
        return max(each.output().count("+switch-master") for each in self.sentinels)

    def _told_of_master(self) -> dict[str, Any]:
        with redis.Redis(port=self._ports[0], decode_responses=True) as sentinel:
            told: dict[str, Any] = cast("Any", sentinel.sentinel_masters())[MASTER_NAME]
            return told

    def stop(self) -> None:
        """End all of it."""
        for each in (*self.sentinels, *self.replicas, self.master):
            each.stop()


def _knows_all(port: int) -> bool:
    sentinel = redis.Redis(port=port, decode_responses=True)
    try:
        told = sentinel.info("sentinel").get("master0", {})
        return bool(told.get("slaves") == 2 and told.get("sentinels") == 3)
    except redis.RedisError:
        return False
    finally:
        sentinel.close()


class RabbitMQ:
    """A RabbitMQ that a test can freeze and kill."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self._port, distribution, names = free_port(), free_port(), free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}//"
        self._names = Process("epmd", [str(shutil.which("epmd")), "-port", str(names)], folder / "epmd.log")
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "RABBITMQ_NODENAME": "notifier@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self._port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "ERL_EPMD_PORT": str(names),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "none"),
            "RABBITMQ_LOGS": "-",
        }
        self.start()

    @property
    def pid(self) -> int:
        """The process id of the broker itself, which a script starts."""
        return int((self._folder / "pid").read_text())

    def start(self) -> None:
        """Start it, with its data."""
        log = self._folder / f"rabbitmq-{time.monotonic_ns()}.log"
        self._process = Process("rabbitmq", [str(RABBITMQ)], log, env=self._environment)
        self._process.wait_for("Server startup complete")

    def away(self) -> None:
        """Kill it."""
        os.kill(self.pid, signal.SIGKILL)
        self._process.stop()

    def freeze(self) -> None:
        """Stop the process: it accepts and does not answer."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the process go on."""
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it."""
        self._process.stop()
        self._names.stop()
