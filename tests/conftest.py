"""What tests start: a Redis on a free port, a sandbox, workers. All of it ends with the test run."""

import gc
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
import requests
from hypothesis import HealthCheck, given, settings, strategies

from notifier.cli.embedded_redis import start_redis
from notifier.cli.processes import Process
from notifier.cli.stack import LISTENING
from notifier.models import AlertType
from notifier.routing import ROUTES
from notifier.storage.connection import connect
from tests.forked import start_module
from tests.names import names
from tests.no_secrets import assert_no_secrets
from tests.servers import OwnRedis, until

# the same examples in every run: a change is judged by itself. The nightly run looks for new ones
settings.register_profile("ordinary", deadline=None, derandomize=True)
settings.register_profile("nightly", max_examples=10_000, deadline=None, suppress_health_check=list(HealthCheck))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ordinary"))

# else each of the hundreds of processes that the tests start compiles Celery anew: two of its three seconds
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# a shell's background job ignores Ctrl-C, and so would all that the tests start
signal.signal(signal.SIGINT, signal.default_int_handler)

SETTINGS = ("DISCORD_", "NOTIFIER_", "REDIS_", "CELERY_")

LASTING = """
local lasting = {}
for _, key in ipairs(redis.call('KEYS', 'notifier:*')) do
  if redis.call('PTTL', key) == -1 then table.insert(lasting, key) end
end
return lasting
"""
"""Our keys without a life; the server looks, after each test."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many keep two cores busy: the slow tests wait more than they work, and each process collects all tests."""
    return 3 if config.option.markexpr == "not slow" else 4


def pytest_itemcollected(item: pytest.Item) -> None:
    """Ten thousand examples take longer than a test may as a rule."""
    if os.environ.get("HYPOTHESIS_PROFILE") == "nightly":
        item.add_marker(pytest.mark.timeout(0))


LONG_FIRST = ("soak", "simulation", "faults", "e2e", "integration", "benchmarks", "unit")
"""The order of the folders: long tests begin first, and the many short ones use both cores at the end. The simulation
only computes, in one process, while those beside it mostly wait. Without ``--no-loadscope-reorder`` xdist would begin
with the files that have most tests."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the folders, and in each its files: those with slow tests first, lest one process runs them at the end."""
    here = len(Path(__file__).parent.parts)
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (LONG_FIRST.index(item.path.parts[here]), item.path not in slow))


@given(strategies.none())
def hypothesis_has_made_its_generator(_: None) -> None:
    """With its first example it makes one and collects; 6.120 warns if the collector cannot see who holds it."""


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Spare the garbage collector thousands of tests, now and later: all that is made here lasts."""
    hypothesis_has_made_its_generator()
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


@pytest.fixture(scope="session", autouse=True)
def own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide the settings, the terminal and the .env of the user who runs the tests."""
    before, folder = dict(os.environ), os.getcwd()
    for name in list(os.environ):
        if name.upper().startswith(SETTINGS) or name == "COLUMNS":  # which xdist sets
            del os.environ[name]
    os.chdir(tmp_path_factory.mktemp("cwd"))
    yield
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory, own_environment: None) -> Iterator[str]:
    """A Redis for the whole run; its URL."""
    process, url = start_redis(tmp_path_factory.mktemp("redis"))
    yield url
    gc.collect()  # Celery's results unsubscribe from Redis when they are collected
    client_of.cache_clear()
    process.stop()


@cache
def client_of(url: str) -> redis.Redis:
    """A client for the whole run: to make one and to connect takes longer than to look into an empty database."""
    return connect(url, 5)


@pytest.fixture
def redis_url(redis_server: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty database; at the end it holds no secret, and no key of ours without a life.

    The shared worker has a database of its own, so that it takes no alert of a test that starts its own workers.
    """
    url = redis_server if "worker" in request.fixturenames else redis_server.removesuffix("0") + "1"
    monkeypatch.setenv("REDIS_URL", url)
    client = client_of(url)
    client.flushdb()
    yield url
    try:
        assert_no_secrets(redis=client)
        lasting = set(client.eval(LASTING, 0))
        # kombu's own: what a worker that was killed held, until another gives it back
        assert lasting - {"notifier:unacked", "notifier:unacked_index"} == set()
    finally:
        client.flushdb()  # else the shared worker tells of it in the middle of another test


@pytest.fixture
def own_redis(tmp_path: Path, own_environment: None) -> Iterator[OwnRedis]:
    """A Redis for this test alone, which the test can stop and freeze."""
    own = OwnRedis(tmp_path / "redis")
    yield own
    own.stop()


class Sandbox:
    """A local Discord, seen through its own control API."""

    def __init__(self, process: Process, address: str) -> None:
        self.process = process
        self.address = address
        self.variables = dict(
            line.split("=", 1) for line in process.output().splitlines() if line.startswith("DISCORD_")
        )

    def call(self, method: str, path: str, /, **body: Any) -> Any:
        """One call of the control API."""
        answer = requests.request(method, f"{self.address}/sandbox/{path}", json=body or None, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def messages(self) -> list[dict[str, Any]]:
        """What is in the channels, in order of arrival."""
        messages: list[dict[str, Any]] = self.call("GET", "messages")
        return messages

    @property
    def stored(self) -> int:
        """How many messages are in the channels."""
        return int(self.stats()["messages"])

    def titles(self) -> list[str]:
        """The titles of all embeds, in order of arrival."""
        return [embed["title"] for message in self.messages() for embed in message["embeds"]]

    def posts(self) -> list[dict[str, Any]]:
        """Every POST that reached it, whatever its answer."""
        return [each for each in self.call("GET", "requests") if each["method"] == "POST"]

    def stats(self) -> dict[str, Any]:
        """Its counts."""
        stats: dict[str, Any] = self.call("GET", "stats")
        return stats

    def make_forum(self, alert_type: AlertType) -> None:
        """Make the channel of this type a forum."""
        webhook_id, token = self.variables[ROUTES[alert_type].webhook_variables[0]].split("/")[-2:]
        channel_id = self.call("GET", f"webhooks/{webhook_id}")["channel_id"]
        self.call("PUT", f"webhooks/{webhook_id}", token=token, channel_id=channel_id, channel_type="forum")

    def fault(self, **fault: Any) -> None:
        """Script a fault."""
        self.call("POST", "faults", **fault)


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox for the whole run."""
    command = [sys.executable, "-m", "notifier.sandbox", "--port", "0"]
    process = Process("sandbox", command, tmp_path_factory.mktemp("sandbox") / "sandbox.log")
    address = process.wait_for(LISTENING)[1]
    process.wait_for(r"^DISCORD_WEBHOOK_SECURITY=")
    yield Sandbox(process, address)
    process.stop()


@pytest.fixture
def sandbox(sandbox_process: Sandbox) -> Iterator[Sandbox]:
    """A sandbox in its start state."""
    sandbox_process.call("POST", "reset")
    yield sandbox_process
    # the ready-made webhook URLs it prints for people are not a leak
    logged = [line for line in sandbox_process.process.output().splitlines() if not line.startswith("DISCORD_")]
    assert_no_secrets(texts={"sandbox log": "\n".join(logged)})


@pytest.fixture(scope="session")
def environment(
    redis_server: str, sandbox_process: Sandbox, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The environment of a worker whose Discord is the sandbox."""
    return {
        **os.environ,
        **sandbox_process.variables,
        "REDIS_URL": redis_server,
        "NOTIFIER_RUN_DIR": str(tmp_path_factory.mktemp("run")),
        "NOTIFIER_LOG_FORMAT": "text",  # most tests read it as people do
        "NOTIFIER_SWEEP_SECONDS": "1",
        "NOTIFIER_WATCH_SECONDS": "0",
        # what no worker can deliver is a dead letter at once
        "DISCORD_UNDELIVERABLE_SECONDS": "0",
    }


@pytest.fixture
def configured(environment: dict[str, str], redis_url: str, sandbox: Sandbox) -> dict[str, str]:
    """The same, with an empty Redis and an empty sandbox."""
    return {**environment, "REDIS_URL": redis_url}


def run_worker(
    name: str,
    folder: Path,
    environment: dict[str, str],
    *arguments: str,
    inside: Sequence[str] = (),
    forked: bool = True,
) -> Process:
    """A real worker on all queues, ready when this returns. ``inside``: the command that runs it, if any."""
    module = ["celery", "-A", "tasks", "worker", "--loglevel", "DEBUG", "--hostname", f"{name}@%h"]
    module += ["--without-gossip", "--without-mingle", *arguments]
    folder.mkdir()
    log = folder / "worker.log"
    if forked and not inside:
        process = start_module(name, module, log, env=environment, cwd=folder)
    else:
        process = Process(name, [*inside, sys.executable, "-m", *module], log, env=environment, cwd=folder)
    process.wait_for(rf"{name}@\S+ ready\.")
    return process


def assert_no_secrets_logged(process: Process) -> None:
    """Check that neither its output nor its log files hold a secret."""
    assert_no_secrets(
        texts={f"{process.name}'s {log.name}": log.read_text() for log in process.log.parent.rglob("*.log")}
    )


@pytest.fixture(scope="session")
def shared_worker(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A worker for the whole run."""
    process = run_worker("shared", tmp_path_factory.mktemp("workers") / "shared", environment, forked=False)
    yield process
    process.stop()


@pytest.fixture
def worker(configured: dict[str, str], shared_worker: Process) -> Iterator[Process]:
    """A worker with the default settings, known again to the emptied Redis; its log holds no secret."""
    until(lambda: client_of(configured["REDIS_URL"]).exists(names.workers), "the heartbeat of the shared worker")
    yield shared_worker
    assert_no_secrets_logged(shared_worker)


def processes_below(process: Process) -> list[psutil.Process]:
    """Those that it has started, and theirs; none if it has ended."""
    if process.running:
        try:
            return psutil.Process(process.pid).children(recursive=True)
        except psutil.NoSuchProcess:  # it has just ended, and its guard is about to say so
            until(lambda: not process.running, f"the end of {process.name}")
    return []


def kill_whole(process: Process) -> None:
    """Kill it with the processes of its pool."""
    pool = processes_below(process)
    process.kill()
    for each in pool:
        with suppress(psutil.NoSuchProcess):
            each.kill()


StartWorker = Callable[..., Process]


@pytest.fixture
def start_worker(configured: dict[str, str], tmp_path: Path) -> Iterator[StartWorker]:
    """Starts workers for one test; at the end they are killed and their logs hold no secret.

    A worker that is told to end waits up to a second for its queue (kombu's BRPOP): hundreds of seconds in all.
    """
    started: list[Process] = []

    def start(*arguments: str, inside: Sequence[str] = (), **changed: str) -> Process:
        name = f"worker{len(started) + 1}"
        started.append(run_worker(name, tmp_path / name, {**configured, **changed}, *arguments, inside=inside))
        return started[-1]

    yield start
    for process in started:
        kill_whole(process)
        assert_no_secrets_logged(process)
