"""The record is Celery's result: the commit alone writes it, and between the attempts it says RETRY."""

import json
from collections.abc import Callable, Iterator

import pytest
import redis

from notifier.models import AlertType, NotificationMessage
from notifier.outbox.record import iso
from notifier.routing import ROUTES
from notifier.storage.connection import clock, connect
from tests.conftest import Sandbox, StartWorker
from tests.e2e import patient_slots
from tests.e2e.conftest import Application
from tests.names import names

MARKER = "marker"


class Watch:
    """What Redis says of each command that changes a key."""

    def __init__(self, client: "redis.Redis", key: str) -> None:
        self._client = client
        self._database = client.connection_pool.connection_kwargs["db"]
        self._pubsub = client.pubsub(ignore_subscribe_messages=True)
        client.config_set("notify-keyspace-events", "KA")
        for each in (key, MARKER):
            self._pubsub.subscribe(self._channel(each))

    def _channel(self, key: str) -> str:
        return f"__keyspace@{self._database}__:{key}"

    def commands(self) -> list[str]:
        """All until now, in order: what follows the change of another key comes later."""
        self._client.set(MARKER, 1, ex=60)
        found: list[str] = []
        while (message := self._pubsub.get_message(timeout=30)) is None or message["channel"] != self._channel(MARKER):
            if message is not None:
                found.append(message["data"])
        return found

    def stop(self) -> None:
        """Leave the server as it was."""
        self._client.config_set("notify-keyspace-events", "")
        self._client.delete(MARKER)
        self._pubsub.close()


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    """A client of the database that is watched."""
    client = connect(redis_url, 60)
    yield client
    client.close()


def by_delay(application: Application, message: NotificationMessage) -> None:
    """Raise it as an application does."""
    application.pipeline.client.submit(message)


def by_name(application: Application, message: NotificationMessage) -> None:
    """Raise it as a program does that only knows the task's name, and asks Celery to keep the result."""
    application.app.send_task(
        ROUTES[message.alert_type].task, kwargs={"title": message.title}, task_id=message.id,
        queue=ROUTES[message.alert_type].queue,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("raise_alert", [by_delay, by_name])
def test_between_the_attempts_it_says_retry_and_the_record_is_written_once(
    application: Application,
    sandbox: Sandbox,
    start_worker: StartWorker,
    client: "redis.Redis",
    raise_alert: Callable[[Application, NotificationMessage], None],
) -> None:
    # neither a sweep nor a wake-up of another test makes the first attempt: its own trigger does
    worker = start_worker("-I", patient_slots.__name__, NOTIFIER_SWEEP_SECONDS="600")
    message = NotificationMessage(alert_type=AlertType.ERROR, title="at the second attempt")
    key = names.result(message.id)
    watch = Watch(client, key)
    try:
        sandbox.fault(method="POST", kind="status", status=503, times=1)
        raise_alert(application, message)
        worker.wait_for(rf"Task send_notification\.error\[{message.id}\] retry: ")
        between, looked_at = json.loads(str(client.get(key))), iso(clock(client))
        (record,) = application.wait([message.id])
        assert (record["status"], record["attempts"]) == ("delivered", 2)
        if record["finished_at"] > looked_at:
            assert between["status"] == "RETRY"
            assert between["result"]["exc_type"] == "DeliveryFailed"
            assert between["result"]["exc_message"][0] == "bad_gateway"
        # before a worker logs the end of a task, Celery has stored what it stores
        worker.wait_for(rf"Task send_notification\.error\[{message.id}\] ignored")
        assert watch.commands() == ["set", "expire"] * 2, "RETRY, then the record"
        result = json.loads(str(client.get(key)))
        assert (result["status"], result["date_done"]) == ("SUCCESS", record["finished_at"])
    finally:
        watch.stop()
