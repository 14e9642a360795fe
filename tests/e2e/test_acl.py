"""The rights that ``docs/redis.md`` lists are enough for an application, a worker and a dashboard, and are needed."""

import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from notifier.cli.processes import Process
from tests.conftest import Sandbox
from tests.e2e.conftest import Notifier, RunPython
from tests.secured_redis import SecuredRedis
from tests.servers import until

PAGE = Path(__file__).parents[2] / "docs" / "redis.md"
LINE = re.compile(r"^ACL SETUSER (?P<name>\S+) (?P<rights>.+)$", re.MULTILINE)
PASSWORD = "fake-token-of-the-acl-tests"
RAISE = "from tasks import send_notification; print(send_notification.delay(title='T').get(timeout=30)['status'])"
TRIED = {"client", "client|setinfo"}
"""redis-py tries to name its version and goes on without."""


def documented() -> dict[str, list[str]]:
    """The rights of each user, as the page lists them."""
    return {match["name"]: match["rights"].split() for match in LINE.finditer(PAGE.read_text(encoding="utf-8"))}


class Guarded:
    """A Redis that knows the documented users alone."""

    def __init__(self, folder: Path) -> None:
        self.server = SecuredRedis(folder, users=["default off"])
        for name in documented():
            self.grant(name)

    def grant(self, name: str, *, without: str | None = None) -> None:
        """Give a user what the page lists, but for one right."""
        rights = [f">{PASSWORD}" if right == ">PASSWORD" else right for right in documented()[name] if right != without]
        self.server.admin.execute_command("ACL SETUSER", name, "reset", *rights)

    def url(self, name: str) -> str:
        """Of one user."""
        return f"redis://{name}:{PASSWORD}@127.0.0.1:{self.server.port}/0"

    def refused(self) -> list[str]:
        """What users tried and were refused."""
        log = self.server.admin.acl_log()
        return [
            f"{entry['username']}: {entry['reason']} {entry['object']}" for entry in log if entry["object"] not in TRIED
        ]


@pytest.fixture
def guarded(tmp_path: Path, own_environment: None) -> Iterator[Guarded]:
    """One."""
    own = Guarded(tmp_path / "redis")
    yield own
    own.server.stop()


@pytest.fixture
def plain_worker(guarded: Guarded, configured: dict[str, str], tmp_path: Path) -> Iterator[Process]:
    """A worker as users start it, without options, under the rights of a worker."""
    folder = tmp_path / "worker"
    folder.mkdir()
    env = {**configured, "REDIS_URL": guarded.url("notifier-worker")}
    command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--loglevel", "INFO", "--hostname", "plain@%h"]
    process = Process("worker", command, folder / "worker.log", env=env, cwd=folder)
    process.wait_for(r"plain@\S+ ready\.")
    yield process
    process.stop()


@pytest.mark.slow
def test_the_documented_rights_are_enough(
    guarded: Guarded, plain_worker: Process, sandbox: Sandbox, run_python: RunPython, notifier: Notifier
) -> None:
    raised = run_python(RAISE, REDIS_URL=guarded.url("notifier-producer"))
    assert raised.stdout == "delivered\n", raised.stderr
    assert sandbox.titles() == ["T"]
    looking = {"REDIS_URL": guarded.url("notifier-dashboard")}
    assert notifier("check", "--json", **looking).returncode == 0
    assert "delivered" in notifier("history", "--json", **looking).stdout
    assert notifier("dead", "list", "--json", **looking).returncode == 0
    ping = run_python("from tasks.celery import app; print(len(app.control.ping(timeout=5, limit=1)))", **looking)
    assert ping.stdout == "1\n", ping.stderr
    plain_worker.stop()
    assert guarded.refused() == []


@pytest.mark.slow
@pytest.mark.parametrize("right", ["+evalsha", "~notifier:*", "~celery-task-meta-*", "&celery-task-meta-*"])
def test_without_one_of_them_an_application_fails(guarded: Guarded, run_python: RunPython, right: str) -> None:
    """The worker is not there: what fails is raising the alert, or waiting for its result."""
    guarded.grant("notifier-producer", without=right)
    raised = run_python(RAISE.replace("30", "3"), REDIS_URL=guarded.url("notifier-producer"))
    assert raised.returncode != 0
    assert guarded.refused()


@pytest.mark.slow
@pytest.mark.parametrize("right", ["+evalsha", "~notifier:*", "~notifications.*", "+brpop"])
def test_without_one_of_them_a_worker_delivers_nothing(
    guarded: Guarded, plain_worker: Process, sandbox: Sandbox, run_python: RunPython, right: str
) -> None:
    guarded.grant("notifier-worker", without=right)
    run_python(
        "from tasks import send_notification; send_notification.delay(title='T')",
        REDIS_URL=guarded.url("notifier-producer"),
    )
    until(guarded.refused, "a refusal")
    assert any(line.startswith("notifier-worker") for line in guarded.refused())


def test_a_right_that_is_missing_is_named_where_the_alert_is_raised(guarded: Guarded, run_python: RunPython) -> None:
    guarded.grant("notifier-producer", without="~notifier:*")
    raised = run_python(RAISE, REDIS_URL=guarded.url("notifier-producer"))
    assert "BrokerUnavailable: the Redis user of REDIS_URL lacks a right" in raised.stderr


def test_every_command_of_a_lua_step_is_granted_to_whoever_runs_it() -> None:
    scripts = "\n".join(path.read_text() for path in Path(str(files("notifier"))).rglob("*.lua"))
    called = {f"+{name.lower()}" for name in re.findall(r"redis\.p?call\(\s*['\"](\w+)", scripts)}
    assert called
    for rights in documented().values():
        assert called - set(rights) == set()


def test_no_user_may_do_everything() -> None:
    users = documented()
    assert len(users) == 3
    for rights in users.values():
        assert {"-@all", "resetkeys", "resetchannels"} <= set(rights)
        assert {"+@all", "~*", "&*", "allkeys", "allchannels", "allcommands"} & set(rights) == set()
