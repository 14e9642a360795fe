"""A headless browser: Debian's Chromium, installed where the package manager and we may, driven by Playwright."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PACKAGES = ["chromium", "fonts-dejavu-core", "fonts-noto-color-emoji"]
HOW = f"needs a Chromium: apt-get install {' '.join(PACKAGES)}, or one of {', '.join(NAMES)} on PATH"


def executable() -> str | None:
    """The browser on PATH, if there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def _install() -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=240"]
    with (Path(tempfile.gettempdir()) / "notifier-tests-chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process of the test run installs it
        if executable() is not None:
            return
        for command in (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]):
            subprocess.run([*apt, *command], env=environment, capture_output=True, timeout=300, check=False)


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser with a profile of its own; the test is skipped where there is none and none can be had."""
    if executable() is None:
        _install()
    path = executable()
    if path is None:
        pytest.skip(HOW)
    with sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=path, headless=True, args=FLAGS)
        yield running
        running.close()
