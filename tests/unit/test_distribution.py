"""The distribution's name, version and extras stand once, and everything that names them says the same."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distribution
from pathlib import Path

import pytest

import notifier
from notifier.extras import DISTRIBUTION, MODULES, missing
from notifier.version import VERSION

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FOREIGN = re.compile(r"(?:pip3? install|pipx install|tool install|uv add)\s(?:[^\n`&;|]*\s)?['\"]?notifier(?![\w./@-])")
"""An installation of the other ``notifier`` on the public index."""


def tracked() -> list[Path]:
    """Every text that we publish."""
    command = [str(shutil.which("git")), "ls-files"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)
    kept = (".md", ".py", ".toml", ".yaml", ".yml", ".example", "Dockerfile", "run", "check", ".html")
    return [ROOT / name for name in listed.stdout.splitlines() if name.endswith(kept) and (ROOT / name).exists()]


def test_the_distribution_is_not_the_one_that_somebody_else_published() -> None:
    assert PROJECT["name"] == DISTRIBUTION == "celery-discord-notifier"
    assert distribution(DISTRIBUTION).version == VERSION == notifier.__version__


def test_no_text_of_ours_installs_the_other_notifier() -> None:
    texts = tracked()
    assert len(texts) > 100, "git lists them"
    wrong = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in texts
        if path != Path(__file__)
        for line in path.read_text(encoding="utf-8").splitlines()
        if FOREIGN.search(line)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "line",
    ["pip install notifier", "pip install 'notifier[worker]'", "uv pip install notifier==0.1", "`uv add notifier`"],
)
def test_the_search_finds_an_installation_of_the_other_one(line: str) -> None:
    assert FOREIGN.search(line)


@pytest.mark.parametrize(
    "line",
    ["pip install celery-discord-notifier", "pip install uv && uv run notifier demo", "pip install ./notifier"],
)
def test_the_search_leaves_ours_alone(line: str) -> None:
    assert not FOREIGN.search(line)


def test_each_extra_brings_the_modules_that_are_looked_for() -> None:
    declared = PROJECT["optional-dependencies"]

    def names(extra: str) -> set[str]:
        found: set[str] = set()
        for requirement in declared[extra]:
            own = re.fullmatch(rf"{DISTRIBUTION}\[(.+)\]", requirement)
            found |= names(own[1]) if own else {re.split(r"[<>=;\[ ]", requirement)[0].replace("-", "_")}
        return found

    for extra, modules in MODULES.items():
        assert set(modules) <= names(extra)
        assert set(modules).isdisjoint(re.split(r"[<>=;\[ ]", each)[0] for each in PROJECT["dependencies"])


def test_a_checkout_has_every_extra() -> None:
    assert missing(*MODULES) == []


def test_the_version_costs_no_look_at_installed_metadata() -> None:
    program = "import sys, notifier; notifier.__version__; print('importlib.metadata' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "False"
