"""The rights that ``docs/redis.md`` lists are enough for an application, a worker and a dashboard, and are needed."""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from notifier.cli.processes import Process
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Notifier, RunPython
from tests.e2e.test_upgrade import restore
from tests.e2e.unreadable_entries import PROTOCOL_1, QUEUE, protocol_1
from tests.names import names
from tests.secured_redis import SecuredRedis
from tests.servers import until

PAGE = Path(__file__).parents[2] / "docs" / "redis.md"
LINE = re.compile(r"^ACL SETUSER (?P<name>\S+) (?P<rights>.+)$", re.MULTILINE)
PASSWORD = "fake-token-of-the-acl-tests"
RAISE = "from tasks import send_notification; print(send_notification.delay(title='T').get(timeout=30)['status'])"
CHORD = """
from celery import chord
from tasks import send_notification
task = send_notification["general"]
parts = [task.si(title="part"), task.si(title="part")]
print(chord(parts, task.si(title="body")).apply_async().get(timeout=30)["status"])
"""
NARROW = re.compile(
    r"on|>PASSWORD|-@all|resetkeys|resetchannels"
    r"|[+][a-z]+([|][a-z]+)?"  # a command or a subcommand, and no category of them
    r"|[~&][^\s]*\w{5}\S*"  # keys and channels with a name in their pattern
)
"""The only kinds of right that a user of ours is given."""
EXCEPTED = {
    "client|setname": "a connection names itself, and no other",
    "info": "figures of the server; nothing else says whether it drops keys",
}
"""Commands that Redis counts as dangerous and that a user needs all the same, each with its reason."""
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


@pytest.fixture(scope="module")
def dangerous(tmp_path_factory: pytest.TempPathFactory, own_environment: None) -> Iterator[set[str]]:
    """What Redis itself counts as dangerous or as administration; ``name|subcommand`` for a subcommand."""
    server = SecuredRedis(tmp_path_factory.mktemp("dangerous") / "redis")
    categories = [server.admin.execute_command("ACL CAT", category) for category in ("dangerous", "admin")]
    yield {str(name).lower() for category in categories for name in category}
    server.stop()


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
    chord = run_python(CHORD, REDIS_URL=guarded.url("notifier-producer"))
    assert chord.stdout == "delivered\n", chord.stderr
    looking = {"REDIS_URL": guarded.url("notifier-dashboard")}
    assert notifier("check", "--json", **looking).returncode == 0
    assert "delivered" in notifier("history", "--json", **looking).stdout
    assert notifier("dead", "list", "--json", **looking).returncode == 0
    ping = run_python("from tasks.celery import app; print(len(app.control.ping(timeout=30, limit=1)))", **looking)
    assert ping.stdout == "1\n", ping.stderr
    plain_worker.stop()
    assert guarded.refused() == []


@pytest.mark.slow
def test_the_rights_of_a_worker_are_enough_to_adopt_what_version_0_1_wrote(
    guarded: Guarded, sandbox: Sandbox, start_worker: StartWorker, run_python: RunPython
) -> None:
    restore(guarded.server.admin, "redis_0_1.json")
    there = {"REDIS_URL": guarded.url("notifier-worker")}
    adopted = run_python("from notifier import client_pipeline; client_pipeline().records.prune()", **there)
    assert adopted.returncode == 0, adopted.stderr
    assert guarded.refused() == []
    start_worker(**there)
    until(lambda: "alert abandoned" in sandbox.titles(), "what the sweep of a new worker finds")
    assert guarded.refused() == []


@pytest.mark.slow
def test_the_rights_of_a_worker_are_enough_to_give_back_what_another_held(
    guarded: Guarded, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    guarded.server.admin.hset(names.unacked, "tag", json.dumps([protocol_1(), "", QUEUE]))
    guarded.server.admin.zadd(f"{names.unacked}_index", {"tag": 1})
    start_worker(REDIS_URL=guarded.url("notifier-worker"))
    until(lambda: sandbox.titles() == [PROTOCOL_1] or guarded.refused(), "what was given back")
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
    assert "BrokerUnavailable: Redis at 127.0.0.1:" in raised.stderr
    assert "the Redis user of REDIS_URL lacks a right; docs/redis.md lists them; nothing was stored" in raised.stderr


def test_every_command_of_a_lua_step_is_granted_to_whoever_runs_it() -> None:
    scripts = "\n".join(path.read_text() for path in Path(str(files("notifier"))).rglob("*.lua"))
    words = re.findall(r"redis\.p?call\(\s*['\"](\w+)['\"](?:, '(NUMSUB)')?", scripts)
    called = {"+" + "|".join(filter(None, each)).lower() for each in words}
    assert "+pubsub|numsub" in called
    assert called
    for rights in documented().values():
        assert called - set(rights) == set()


def too_wide(rights: Iterable[str], dangerous: set[str]) -> list[str]:
    """Those rights that grant more than keys of a name, channels of a name, and commands that harm nobody else."""

    def is_dangerous(command: str) -> bool:
        # a command grants its subcommands too; Redis 7.0 lists whole commands, later ones their subcommands
        whole = command.split("|")[0]
        return bool({command, whole} & dangerous) or any(name.startswith(f"{command}|") for name in dangerous)

    def is_excepted(right: str) -> bool:
        return right.removeprefix("+") in EXCEPTED or not (right.startswith("+") and is_dangerous(right[1:]))

    return [right for right in rights if not (NARROW.fullmatch(right) and is_excepted(right))]


def test_no_user_has_a_right_that_reaches_beyond_this_program(dangerous: set[str]) -> None:
    assert {"flushall", "keys"} <= dangerous
    users = documented()
    assert len(users) == 3
    for name, rights in users.items():
        assert set(rights) >= {"-@all", "resetkeys", "resetchannels"}
        assert (name, too_wide(rights, dangerous)) == (name, [])


@pytest.mark.parametrize(
    "right",
    [
        *("+@all", "+@dangerous", "+@read", "allcommands", "+flushall", "+FLUSHALL", "+keys", "+config", "+config|get"),
        *("+client", "+client|kill", "+acl|whoami", "+debug", "~*", "~**", "~?*", "%R~*", "allkeys", "&*"),
        *("allchannels", "nopass", "(+get ~*)"),
    ],
)
def test_a_right_that_reaches_beyond_is_found(dangerous: set[str], right: str) -> None:
    assert too_wide(["+get", right, "~notifier:*"], dangerous) == [right]
