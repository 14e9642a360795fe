"""The dashboard in a process of its own."""

import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

from notifier.cli.processes import Process
from tests.no_secrets import assert_no_secrets
from tests.servers import free_port

FROM_THE_CHECKOUT = (sys.executable, "-m", "celery", "-A", "tasks")
COUNTED = re.compile(
    r'^flower_events_total\{task="(?P<task>[^"]*)",type="task-(?P<kind>\w+)",worker="[^"]*"\} (?P<count>\d+)'
)


class Flower:
    """The dashboard, as ``celery -A tasks flower`` starts it; another ``celery`` starts another one.

    ``login``: what it is asked with.
    """

    def __init__(
        self,
        folder: Path,
        environment: dict[str, str],
        *,
        celery: Sequence[str] = FROM_THE_CHECKOUT,
        login: tuple[str, str] | None = None,
    ) -> None:
        port = free_port()
        self.address = f"http://127.0.0.1:{port}"
        self.login = login
        command = [*celery, "flower", "--address=127.0.0.1", f"--port={port}"]
        env = {**environment, "FLOWER_UNAUTHENTICATED_API": "true"}
        self.process = Process("flower", command, folder / "flower.log", env=env, cwd=folder)

    def get(self, path: str) -> requests.Response:
        """One page."""
        return requests.get(f"{self.address}{path}", auth=self.login, timeout=20)

    def up(self) -> bool:
        """Whether it answers."""
        try:
            return self.get("/healthcheck").ok
        except requests.RequestException:
            return False

    def tasks(self) -> dict[str, Any]:
        """What it knows of tasks, by id."""
        found: dict[str, Any] = self.get("/api/tasks").json()
        return found

    def counted(self, task: str) -> Counter[str]:
        """``flower_events_total`` of one task over all workers, by what the types begin with no more."""
        rows = filter(None, map(COUNTED.match, self.get("/metrics").text.splitlines()))
        return sum((Counter({row["kind"]: int(row["count"])}) for row in rows if row["task"] == task), Counter[str]())

    def stop(self) -> None:
        """End it; it printed no secret."""
        self.process.stop()
        assert_no_secrets(texts={"flower": self.process.output()})
