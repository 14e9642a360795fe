"""Each queue has its own routing key, and a worker serves the queues that it consumes now."""

import pytest
import redis

from notifier.models import AlertType, NotificationMessage
from notifier.routing import ROUTES
from notifier.storage.connection import connect
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, client_app
from tests.names import names
from tests.servers import OwnRedis, until

STALE = "_kombu.binding.notifications.general"
"""Where version 0.2 bound all six queues alike."""
ERRORS = names.queue(AlertType.ERROR)


@pytest.mark.parametrize("alert_type", AlertType)
def test_what_is_published_through_the_exchange_with_the_key_of_one_type_reaches_its_queue_alone(
    redis_url: str, application: Application, alert_type: AlertType
) -> None:
    broker = redis.Redis.from_url(redis_url)
    for queue in map(names.queue, AlertType):
        broker.sadd(STALE, f"notifications.general\x06\x16\x06\x16{queue}")
    with application.app.connection_for_write() as connection:
        for declared in application.app.amqp.queues.values():
            declared(connection.default_channel).declare()
        queue = application.app.amqp.queues[names.queue(alert_type)]
        application.app.send_task(
            ROUTES[alert_type].task,
            exchange=queue.exchange.name,
            routing_key=queue.routing_key,
            connection=connection,
            ignore_result=True,
        )
    lengths = {kind: broker.llen(names.queue(kind)) for kind in AlertType}
    assert lengths == {kind: int(kind is alert_type) for kind in AlertType}
    assert (queue.exchange.name, queue.routing_key) == ("notifications", names.queue(alert_type))
    broker.close()


def test_a_dispatch_is_one_push_and_nothing_else(own_redis: OwnRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", own_redis.url)
    publisher = Application(client_app(own_redis.url)).pipeline.publisher
    message = NotificationMessage(title="T", alert_type=AlertType.ERROR)
    publisher.dispatch(message)
    client = connect(own_redis.url, 5)
    client.config_resetstat()
    publisher.dispatch(message)
    commands = {name: each["calls"] for name, each in client.info("commandstats").items()}
    assert {name: calls for name, calls in commands.items() if "config" not in name} == {"cmdstat_lpush": 1}
    assert client.llen(ERRORS) == 2
    client.close()


@pytest.mark.slow
@pytest.mark.parametrize("selected", [(), ("-Q", f"{names.queue(AlertType.GENERAL)},{ERRORS}")], ids=["all", "-Q"])
def test_a_worker_sweeps_for_the_queues_that_it_consumes_now(
    redis_url: str, application: Application, sandbox: Sandbox, start_worker: StartWorker, selected: tuple[str, ...]
) -> None:
    worker = start_worker(*selected, REDIS_URL=f"{redis_url}?client_name=sweeping")
    broker = redis.Redis.from_url(redis_url)
    control = application.app.control

    def admit(title: str, alert_type: AlertType = AlertType.ERROR) -> None:
        """Raise an alert whose dispatch is lost, so that only a sweep carries it."""
        application.pipeline.publisher.admit(NotificationMessage(title=title, alert_type=alert_type))

    # an answer may come too late on a busy machine; to cancel it again changes nothing
    until(lambda: control.cancel_consumer(ERRORS, reply=True, timeout=10, limit=1), "that it is cancelled")
    for number in range(4):
        if number == 2:  # a sweep that had begun before is over by now
            admit("cancelled")
        admit(f"sweep {number}", AlertType.GENERAL)
        until(lambda: f"sweep {number}" in sandbox.titles(), f"sweep {number}")  # noqa: B023
        assert "cancelled" not in sandbox.titles()
    assert broker.llen(ERRORS) == 0, "no wake-up is sent for what nobody consumes"
    assert control.add_consumer(ERRORS, reply=True, timeout=10, limit=1)
    until(lambda: "cancelled" in sandbox.titles(), "a sweep that serves it again")

    for each in broker.client_list():
        if (each["cmd"], each["name"]) == ("brpop", "sweeping"):
            broker.client_kill_filter(_id=each["id"])
    worker.wait_for("Connection to broker lost")
    admit("after a reconnection")
    until(lambda: "after a reconnection" in sandbox.titles(), "it is still consumed")
    broker.close()
