"""Other hosts, on this machine: network namespaces that end with the process that holds them."""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from notifier.cli.processes import Process
from tests.servers import until

NOBODY = "02:00:00:00:00:01"
NEEDED = ("ip", "unshare", "nsenter")


class NotPermitted(Exception):
    """This machine does not allow network namespaces."""


class Host:
    """A host with one link to this machine, which has two addresses there: one for Redis, one for Discord."""

    def __init__(self, number: int, folder: Path) -> None:
        if not all(map(shutil.which, NEEDED)):
            raise NotPermitted(f"needs {', '.join(NEEDED)}")
        network = f"10.213.{os.getpid() % 200 + number}"
        self.redis_address, self.discord_address = f"{network}.1", f"{network}.2"
        cable = f"nt{os.getpid()}-{number}"
        self._holder = Process("host", ["unshare", "--net", "sleep", "600"], folder / f"host{number}.log")
        # a link made before the process has left our network would stay in it
        until(self._has_left, "its network", 10)
        self.inside = ["nsenter", "--net", "--target", str(self._holder.pid)]
        try:
            _run("ip", "link", "add", cable, "type", "veth", "peer", "name", "cable", "netns", str(self._holder.pid))
            for address in (self.redis_address, self.discord_address):
                _run("ip", "address", "add", f"{address}/29", "dev", cable)
            _run("ip", "link", "set", cable, "up")
            self._run("ip", "address", "add", f"{network}.3/29", "dev", "cable")
            for device in ("cable", "lo"):
                self._run("ip", "link", "set", device, "up")
        except NotPermitted:
            self._holder.stop()
            raise

    def cut_off_from_redis(self) -> None:
        """Drop silently what is sent to Redis from now on."""
        self._run("ip", "neighbour", "replace", self.redis_address, "lladdr", NOBODY, "dev", "cable")

    def mend(self) -> None:
        """Let packets to Redis through again."""
        self._run("ip", "neighbour", "del", self.redis_address, "dev", "cable")

    def stop(self) -> None:
        """Remove the host and its link."""
        self._holder.stop()

    def _has_left(self) -> bool:
        if not self._holder.running:
            raise NotPermitted(self._holder.tail())
        with suppress(FileNotFoundError):  # it has just ended, and its guard is about to say so
            return _network(self._holder.pid) != _network(os.getpid())
        return False

    def _run(self, *command: str) -> None:
        _run(*self.inside, *command)


def _network(pid: int) -> str:
    return os.readlink(f"/proc/{pid}/ns/net")


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    if done.returncode:
        raise NotPermitted(done.stderr.strip())
