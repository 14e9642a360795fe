"""The dashboard in a process of its own."""

import sys
from collections.abc import Sequence
from pathlib import Path

import requests

from notifier.cli.processes import Process
from tests.no_secrets import assert_no_secrets
from tests.servers import free_port

FROM_THE_CHECKOUT = (sys.executable, "-m", "celery", "-A", "tasks")


class Flower:
    """The dashboard, as ``celery -A tasks flower`` starts it; another ``celery`` starts another one."""

    def __init__(self, folder: Path, environment: dict[str, str], *, celery: Sequence[str] = FROM_THE_CHECKOUT) -> None:
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        command = [*celery, "flower", "--address=127.0.0.1", f"--port={port}"]
        env = {**environment, "FLOWER_UNAUTHENTICATED_API": "true"}
        self.process = Process("flower", command, folder / "flower.log", env=env, cwd=folder)

    def get(self, path: str) -> requests.Response:
        """One page."""
        return requests.get(f"{self.address}{path}", timeout=20)

    def up(self) -> bool:
        """Whether it answers."""
        try:
            return self.get("/healthcheck").ok
        except requests.RequestException:
            return False

    def stop(self) -> None:
        """End it; it printed no secret."""
        self.process.stop()
        assert_no_secrets(texts={"flower": self.process.output()})
