"""CELERY_BROKER_URL names a RabbitMQ: dispatches travel there, alerts still wait in Redis, and either may fail."""

import base64
import json
import os
import re
import uuid
from collections.abc import Iterator
from typing import Any

import kombu
import pytest

from notifier.models import AlertType
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application
from tests.faults.conftest import QUICK, StartCaller, doubled, titles_of
from tests.servers import RABBITMQ, OwnRedis, RabbitMQ, until

ALERTS = 300
SLACK_SECONDS = 0.5
"""What a busy machine may add."""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.access(RABBITMQ, os.X_OK), reason="no RabbitMQ is installed"),
]


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A RabbitMQ."""
    own = RabbitMQ(tmp_path_factory.mktemp("servers") / "rabbitmq")
    yield own
    own.stop()


def test_broker_redis_and_worker_are_killed_in_turn_and_nothing_is_lost_or_doubled(
    broker: RabbitMQ,
    own_redis: OwnRedis,
    sandbox: Sandbox,
    start_worker: StartWorker,
    start_caller: StartCaller,
) -> None:
    there = {"REDIS_URL": own_redis.url, "CELERY_BROKER_URL": broker.url}
    sandbox.fault(method="POST", kind="delay", when="after", seconds=0.3)
    workers = [start_worker(**QUICK, **there) for _ in range(2)]
    caller = start_caller(ALERTS, 0.02, **there)
    until(lambda: sandbox.stored >= 3, "the burst")
    broker.away()
    broker.start()
    own_redis.away()
    seen = len(executed(workers[0].output()))
    until(lambda: len(executed(workers[0].output())) > seen, "a dispatch while Redis is away")
    own_redis.back()
    assert caller.wait_for(r"raised (\d+)")[1] == str(ALERTS)
    until(lambda: len(set(sandbox.titles())) == ALERTS, "all alerts", poll_seconds=0.5)
    assert set(titles_of(sandbox)) == {f"alert {number}" for number in range(ALERTS)}
    assert doubled(titles_of(sandbox)) == set()
    assert [worker.stop() for worker in workers] == [0, 0], "each still listens"
    dispatches = sum(len(executed(worker.output())) for worker in workers)
    assert dispatches < 10 * ALERTS, "no dispatch goes round and round while Redis is away"


def executed(log: str) -> list[str]:
    """The tasks that a worker has taken."""
    return re.findall(r"Task send_notification\S+ received", log)


def test_a_broker_that_is_silent_or_gone_holds_up_no_caller_and_loses_no_alert(
    broker: RabbitMQ,
    configured: dict[str, str],
    sandbox: Sandbox,
    start_worker: StartWorker,
    start_caller: StartCaller,
) -> None:
    there = {"CELERY_BROKER_URL": broker.url}
    broker.freeze()
    caller = start_caller(3, **there)
    (longest,) = caller.wait_for(r"raised 3, refused 0, longest (\S+) s").groups()
    assert float(longest) < 2 + SLACK_SECONDS, "NOTIFIER_PUBLISH_TIMEOUT_SECONDS"
    broker.thaw()
    start_worker(**QUICK, **there)
    until(lambda: len(sandbox.titles()) >= 3, "all of them")
    assert doubled(titles_of(sandbox)) == set()


def test_what_is_published_for_one_type_reaches_its_queue_alone_and_what_is_unreadable_is_set_aside(
    broker: RabbitMQ,
    redis_url: str,
    application: Application,
    sandbox: Sandbox,
    start_worker: StartWorker,
) -> None:
    worker = start_worker(**QUICK, CELERY_BROKER_URL=broker.url)
    queue, unreadable = "notifications.error", application.pipeline.unreadable
    with kombu.Connection(broker.url) as connection, connection.Producer() as producer:

        def publish(body: Any, **options: Any) -> None:
            whole = {"exchange": "notifications", "routing_key": queue, **options}
            producer.publish(body, headers={"id": str(uuid.uuid4()), "task": "send_notification.error"}, **whole)

        publish(b"garbage", content_type="application/data", content_encoding="binary")
        publish([5, {}, {}])
        publish([[], {"title": "for one type"}, {}])
        until(lambda: sandbox.titles() == ["for one type"], "the alert behind them")
        until(lambda: len(unreadable.list()) == 2, "both of them")
        worker.stop()
        assert len(unreadable.list()) == 2
        assert {entry.queue for entry in unreadable.list()} == {queue}
        assert [json.loads(entry.raw)["body"] for entry in unreadable.list()] == [
            base64.b64encode(body).decode() for body in (b"[5, {}, {}]", b"garbage")
        ]
        for kind in AlertType:
            held = connection.default_channel.queue_declare(f"notifications.{kind}", passive=True).message_count
            assert held == 0, "one message, in one queue"
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(application.app.conf, "broker_url", broker.url)
            application.pipeline.put_back(unreadable.list()[0])
        assert connection.default_channel.queue_declare(queue, passive=True).message_count == 1
        connection.default_channel.queue_purge(queue)
