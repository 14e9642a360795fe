"""The wheel works outside the checkout: everything it needs is inside it."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from notifier.gate.gate import GATE_SCRIPTS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean virtual environment with the built wheel in it; its ``bin`` folder."""
    folder = tmp_path_factory.mktemp("wheel")
    uv = os.environ.get("UV") or shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    assert Path(uv).exists(), "uv runs this project's tests"
    subprocess.run(
        [uv, "build", "--wheel", "--out-dir", str(folder), str(ROOT)], check=True, capture_output=True, timeout=100
    )
    (wheel,) = folder.glob("*.whl")
    inside = set(ZipFile(wheel).namelist())
    for needed in (
        "notifier/_templates/tracklist_generated.toml",
        "notifier/outbox/claim.lua",
        *(f"notifier/{name}" for name in GATE_SCRIPTS),
        "notifier/sandbox/page.html",
        "celeryconfig.py",
        "tasks/celery.py",
        "services/notification_service/__init__.py",
    ):
        assert needed in inside
    assert not any(name.startswith("tests") for name in inside)
    venv.create(folder / "venv", with_pip=False)
    python = folder / "venv" / "bin" / "python"
    requirements = folder / "requirements.txt"
    frozen = subprocess.run(
        [uv, "export", "--project", str(ROOT), "--no-dev", "--extra=demo", "--no-emit-project", "--locked", "-q"],
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    requirements.write_text(frozen.stdout)
    install = [uv, "pip", "install", "--quiet", "--python", str(python)]
    subprocess.run([*install, "--requirement", str(requirements)], check=True, capture_output=True, timeout=100)
    subprocess.run([*install, "--no-deps", str(wheel)], check=True, capture_output=True, timeout=60)
    return folder / "venv" / "bin"


def run(installed: Path, cwd: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV", "REDIS_URL")
    }
    return subprocess.run(
        [str(installed / command[0]), *command[1:]],
        cwd=cwd, env=environment, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip


def test_the_demo_runs_from_another_folder(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "notifier", "demo", "--burst", "20")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "26 of 26 delivered" in done.stdout


def test_its_code_is_the_installed_one(installed: Path, tmp_path: Path) -> None:
    code = "import notifier, tasks, celeryconfig, services.notification_service; print(notifier.__file__)"
    done = run(installed, tmp_path, "python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert str(installed.parent) in done.stdout
