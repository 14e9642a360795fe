"""Two workers on separate hosts: one is cut off from Redis while it holds a batch."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from notifier.cli.embedded_redis import redis_server
from notifier.cli.processes import Process
from notifier.cli.stack import LISTENING
from notifier.storage.connection import connect
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, client_app
from tests.faults.conftest import GENERAL, QUICK, doubled, titles_of
from tests.faults.hosts import Host, NotPermitted
from tests.names import names
from tests.servers import answers, free_port, until

BATCH = 10
STATE = names.outbox("general", "state")
pytestmark = pytest.mark.slow


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[list[Host]]:
    """Two hosts, each with its own link to this one."""
    made: list[Host] = []
    try:
        made.extend(Host(number, tmp_path) for number in range(2))
    except NotPermitted as error:
        pytest.skip(f"no network namespaces here: {error}")
    finally:
        if len(made) < 2:
            for each in made:
                each.stop()
    yield made
    for each in made:
        each.stop()


@pytest.fixture
def redis_port(hosts: list[Host], tmp_path: Path) -> Iterator[int]:
    """A Redis that listens where the hosts can reach it."""
    port = free_port()
    addresses = ["127.0.0.1", *(host.redis_address for host in hosts)]
    command = [redis_server(), "--port", str(port), "--bind", *addresses, "--protected-mode", "no", "--save", ""]
    process = Process("redis", command, tmp_path / "redis.log")
    client = connect(f"redis://127.0.0.1:{port}/0", 5)
    until(lambda: answers(client), "Redis")
    client.close()
    yield port
    process.stop()


@pytest.fixture
def discord(hosts: list[Host], tmp_path: Path) -> Iterator[Sandbox]:
    """A sandbox that listens where the hosts can reach it."""
    command = [sys.executable, "-m", "notifier.sandbox", "--host", "0.0.0.0", "--port", "0"]
    process = Process("sandbox", command, tmp_path / "sandbox.log")
    port = urlsplit(process.wait_for(LISTENING)[1]).port
    process.wait_for(r"^DISCORD_WEBHOOK_SECURITY=")
    yield Sandbox(process, f"http://127.0.0.1:{port}")
    process.stop()


def test_a_worker_cut_off_from_redis_with_a_batch_costs_no_alert_and_at_most_that_batch_is_doubled(
    hosts: list[Host],
    redis_port: int,
    discord: Sandbox,
    start_worker: StartWorker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = f"redis://127.0.0.1:{redis_port}/0"
    monkeypatch.setenv("REDIS_URL", url)
    application = Application(client_app(url))
    redis = application.pipeline.redis
    workers = [
        start_worker(
            inside=host.inside,
            **QUICK | {"DISCORD_TIMEOUT_SECONDS": "5"},
            **{name: _seen_from(host, value) for name, value in discord.variables.items()},
            REDIS_URL=f"redis://{host.redis_address}:{redis_port}/0",
        )
        for host in hosts
    ]
    discord.fault(webhook_id=GENERAL, method="POST", kind="delay", when="after", seconds=3, times=1)
    titles = [f"alert {number}" for number in range(100)]
    ids = application.raise_alerts(*titles)
    until(lambda: redis.hget(STATE, "worker") and discord.messages(), "a batch that is stored and not committed")
    pid = int(str(redis.get(names.worker(str(redis.hget(STATE, "worker"))))))
    holder = next(number for number, each in enumerate(workers) if each.pid == pid)
    cut_off = [embed["title"] for embed in discord.messages()[0]["embeds"]]
    hosts[holder].cut_off_from_redis()

    records = application.wait(ids)
    assert {record["status"] for record in records} == {"delivered"}
    assert {each["attempts"] for each in records if each["message"]["title"] in cut_off} == {2}
    assert set(discord.titles()) == set(titles)
    assert doubled(titles_of(discord)) <= set(cut_off)
    assert len(cut_off) <= BATCH

    hosts[holder].mend()
    workers[1 - holder].stop()
    until(lambda: "no heartbeat" in workers[holder].output(), "that it was cut off")
    assert {record["status"] for record in application.wait(application.raise_alerts("mended"))} == {"delivered"}
    assert discord.titles().count("mended") == 1
    assert doubled(titles_of(discord)) <= set(cut_off), "what it held it does not post again"
    redis.close()


def _seen_from(host: Host, value: str) -> str:
    """A setting that the sandbox printed, with the address by which a host knows it."""
    return re.sub(r"//(0\.0\.0\.0|127\.0\.0\.1):", f"//{host.discord_address}:", value)
