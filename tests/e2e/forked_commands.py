"""Runs each command in a fork of one process that has imported most of the program: no start of Python for each."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.no_secrets import assert_no_secrets

SERVER = """
import io, json, os, sys
import celery, notifier.cli, notifier.operations.checks, notifier.producer.client, notifier.templates, redis, requests
from notifier.settings import settings
from click.testing import CliRunner

assert settings.cache_info().currsize == 0, 'each command reads its own'
for line in sys.stdin:
    asked = json.loads(line)
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.environ.update(asked['environment'])
        done = CliRunner().invoke(notifier.cli.main, asked['words'])
        wrong = '' if isinstance(done.exception, SystemExit | None) else repr(done.exception)
        os.write(writing, json.dumps(done.output + wrong).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, 'rb') as answer:
        text = answer.read().decode()
    os.waitpid(child, 0)
    print(text or '""', flush=True)
"""


class ForkedCommands:
    """The process that forks, in an environment and a folder."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            cwd=folder, env=dict(environment), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self._process.communicate(timeout=60)

    def run(self, *words: str, **environment: str) -> str:
        """What a command prints, on both of its outputs; it holds no secret."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"words": words, "environment": environment}) + "\n")
        self._process.stdin.flush()
        said = str(json.loads(self._process.stdout.readline()))
        assert_no_secrets(texts={"output": said})
        return said
