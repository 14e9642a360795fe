"""The host of Redis crashes, and its last second is gone (`appendfsync everysec`): nothing is posted twice for that."""

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from notifier.cli.processes import Process
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, client_app
from tests.faults.conftest import QUICK, WEBHOOKS, assert_none_lost, burst, doubled, titles_of
from tests.names import names
from tests.servers import OwnRedis, until

ALERTS = 120
FILE = "appendonly*"
"""Its append-only file; from Redis 7 on a folder."""
SLOW = {**QUICK, "DISCORD_TIMEOUT_SECONDS": "10"}
pytestmark = pytest.mark.slow


@pytest.fixture
def applying(own_redis: OwnRedis, configured: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    """An application on the Redis that forgets."""
    monkeypatch.setenv("REDIS_URL", own_redis.url)
    application = Application(client_app(own_redis.url))
    yield application
    application.pipeline.redis.close()


def keep(own: OwnRedis) -> None:
    """What the disk has at this moment."""
    subprocess.run(f"mkdir kept && cp -r {FILE} kept/", shell=True, cwd=own.folder, check=True)  # noqa: S602


def crash(own: OwnRedis) -> None:
    """The host is gone, and what was written since ``keep``."""
    own.away()
    subprocess.run(f"rm -r {FILE} && mv kept/* .", shell=True, cwd=own.folder, check=True)  # noqa: S602


def posted(sandbox: Sandbox) -> int:
    """How many alerts are in the channels."""
    return len(sandbox.titles())


def posted_last(application: Application, sandbox: Sandbox, workers: list[Process]) -> Process:
    """The worker whose request was stored last, and is not answered yet."""
    redis, webhook_id = application.pipeline.redis, sandbox.messages()[-1]["webhook_id"]
    (kind,) = (kind for kind, own in WEBHOOKS.items() if own == webhook_id)
    holder = redis.get(names.worker(str(redis.hget(names.outbox(kind, "state"), "worker"))))
    (found,) = (each for each in workers if str(each.pid) == holder)
    return found


def test_what_workers_have_posted_in_the_forgotten_second_is_not_posted_again(
    own_redis: OwnRedis, applying: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    sandbox.fault(method="POST", kind="delay", when="after", seconds=3)
    workers = [start_worker(**SLOW, REDIS_URL=own_redis.url) for _ in range(2)]
    raised = burst(applying, ALERTS)
    keep(own_redis)
    before = posted(sandbox)
    until(lambda: posted(sandbox) >= before + 30, "what will be forgotten", poll_seconds=0.02)
    crash(own_redis)
    own_redis.back()
    records = applying.wait(list(raised), 40)
    assert_none_lost(records, titles_of(sandbox), raised)
    assert doubled(titles_of(sandbox)) == set()
    assert [worker.stop() for worker in workers] == [0, 0], "each still listens"


def test_what_a_worker_has_posted_that_dies_with_redis_is_marked_where_it_is_posted_again(
    own_redis: OwnRedis, applying: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    sandbox.fault(method="POST", kind="delay", when="after", seconds=3)
    workers = [start_worker(**SLOW, REDIS_URL=own_redis.url) for _ in range(2)]
    raised = burst(applying, ALERTS)
    keep(own_redis)
    before = posted(sandbox)
    until(lambda: posted(sandbox) >= before + 30, "what will be forgotten", poll_seconds=0.02)
    os.kill(posted_last(applying, sandbox, workers).pid, signal.SIGKILL)
    crash(own_redis)
    own_redis.back()
    assert_none_lost(applying.wait(list(raised)), titles_of(sandbox), raised)
    twice, seen = doubled(titles_of(sandbox)), set[str]()
    assert twice, "the worker that died had posted some"
    for embed in (each for message in sandbox.messages() for each in message["embeds"]):
        if embed["title"] in seen:
            assert "may be a duplicate" in embed["footer"]["text"]
        seen.add(embed["title"])
