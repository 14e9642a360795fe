"""The wheel works outside the checkout: everything it needs is inside it."""

import os
import subprocess
from pathlib import Path

import pytest

from notifier.gate.gate import GATE_SCRIPTS
from tests.e2e.installed import build_wheel, inside, install_wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """A clean virtual environment with the wheel in it; its ``bin`` folder."""
    return install_wheel(wheel, wheel.parent)


def run(installed: Path, cwd: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV", "REDIS_URL")
    }
    return subprocess.run(
        [str(installed / command[0]), *command[1:]],
        cwd=cwd, env=environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "needed",
    [
        "notifier/_templates/tracklist_generated.toml",
        "notifier/outbox/claim.lua",
        *(f"notifier/{name}" for name in GATE_SCRIPTS),
        "notifier/sandbox/page.html",
        "notifier/celeryconfig.py",
        "notifier/tasks/celery.py",
        "services/notification_service/__init__.py",
    ],
)
def test_it_holds(wheel: Path, needed: str) -> None:
    assert needed in inside(wheel)


def test_it_takes_no_name_that_a_host_may_have(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in inside(wheel)}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"notifier", "services"}
    assert "services/__init__.py" not in inside(wheel), "services is a namespace, which a host's own package hides"


def test_the_demo_runs_from_another_folder(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "notifier", "demo", "--burst", "20")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "26 of 26 delivered" in done.stdout


def test_its_code_is_the_installed_one(installed: Path, tmp_path: Path) -> None:
    code = (
        "import sys, notifier, services.notification_service; notifier.send_notification;"
        "print(*(sys.modules[name].__file__ for name in ('notifier', 'notifier.tasks', 'notifier.celeryconfig')))"
    )
    done = run(installed, tmp_path, "python", "-c", code)
    assert done.returncode == 0, done.stderr
    for file in done.stdout.split():
        assert Path(file).is_relative_to(installed.parent)
