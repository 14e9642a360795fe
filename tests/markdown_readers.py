"""Other readers of Discord's Markdown: discord-markdown-parser, installed where npm is, and the sandbox's page."""

import fcntl
import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PACKAGE = "discord-markdown-parser@1.3.1"
HOW = f"needs node and npm, and the npm registry once: {PACKAGE} goes into pytest's cache"
ROOT = Path(__file__).parents[1]

Readings = dict[str, tuple[str, list[str]]]
"""By reader: the text that it draws, and what of it is more than text."""


def _installed(folder: Path) -> bool:
    return (folder / "node_modules" / PACKAGE.split("@", 1)[0] / "package.json").is_file()


def _install(folder: Path) -> None:
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process of the test run installs it
        if not _installed(folder):
            command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-save", PACKAGE]
            subprocess.run([*command, "--prefix", "."], cwd=folder, capture_output=True, timeout=60, check=False)


@contextmanager
def markdown_readers(folder: Path) -> Iterator[Callable[[str], Readings]]:
    """What others draw of a text; the test is skipped where they cannot be had. ``folder``: kept between runs."""
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        pytest.skip(HOW)
    if not _installed(folder):
        _install(folder)
    if not _installed(folder):
        pytest.skip(HOW)
    script = [ROOT / "tests" / "discord_markdown.js", folder, ROOT / "notifier" / "sandbox" / "markdown.js"]
    pipe = subprocess.PIPE
    with subprocess.Popen([node, *map(str, script)], stdin=pipe, stdout=pipe, encoding="utf-8") as running:
        assert running.stdin is not None
        assert running.stdout is not None

        def read(text: str) -> Readings:
            print(json.dumps(text), file=running.stdin, flush=True)
            answer = json.loads(running.stdout.readline() if running.stdout else "")
            return {name: (drawn, marks) for name, (drawn, marks) in answer.items()}

        yield read
