"""One local command checks what CI checks."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHECK = ROOT / "scripts" / "check"
SCRIPT = CHECK.read_text(encoding="utf-8")
STEPS = {
    "static": [
        "uv sync --locked",
        "ruff check",
        "ruff format --check",
        "mypy",
        "lint-imports",
        "mkdocs build --strict",
        "luacheck",
    ],
    "tests": ["pytest"],
    "pythons": ["lowest-direct", "python find"],
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(CHECK), *arguments], capture_output=True, text=True, timeout=60, check=False)


def body(function: str) -> str:
    """What a function of the script runs."""
    found = re.search(rf"^{function}\(\) {{\n(.*?)^}}", SCRIPT, re.MULTILINE | re.DOTALL)
    assert found, function
    return found[1]


def test_ci_runs_the_local_command_and_nothing_else() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd ", "command -v uv "))]
    assert commands == ["exec scripts/check"]


@pytest.mark.parametrize("part", STEPS)
def test_each_part_checks_what_it_says_and_all_has_every_part(part: str) -> None:
    assert [step for step in STEPS[part] if step not in body(part)] == []
    everything = SCRIPT.split("  all)", 1)[1].split(";;", 1)[0]
    assert part in everything.split()


def test_help_names_every_part() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert [part for part in STEPS if f"scripts/check {part} " not in done.stdout] == []


def test_an_unknown_part_is_refused_with_the_usage() -> None:
    done = run("everything")
    assert done.returncode == 2
    assert "scripts/check static" in done.stdout


def test_the_pythons_that_are_tried_are_those_that_are_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [each.rsplit(" ", 1)[1] for each in project["classifiers"] if re.search(r":: 3\.\d+$", each)]
    (tried,) = re.findall(r'^SUPPORTED="(.*)"$', SCRIPT, re.MULTILINE)
    assert tried.split() == declared
    assert project["requires-python"] == f">={declared[0]}"


def test_no_file_makes_pyenv_refuse_to_run_here() -> None:
    # uv and pyenv both read .python-version; pyenv cannot read a range, and fails every command in the folder
    assert not (ROOT / ".python-version").exists()
