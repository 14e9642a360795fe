"""Two workers without processes, and Flower's own view of the events that they send."""

import json
import uuid
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import Mock

from flower.events import EventsState

from notifier.models import AlertType
from notifier.outbox.claim import ClaimRequest
from notifier.outbox.unannounced import Unannounced
from notifier.outcome import Answer, Delivered, Outcome, WebhookInfo
from notifier.routing import ROUTES
from notifier.worker.announce import Announcer
from notifier.worker.delivery import Delivery, DeliveryWorker
from notifier.worker.events import EventSender
from tests.integration.conftest import ROOMY, Bench
from tests.names import names
from tests.servers import until


class Flower:
    """What Flower knows: its state of tasks and workers, and its metrics."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self._state: Any = EventsState(max_tasks_in_memory=1_000)
        self._clock = count(1)

    def take(self, hostname: str, kind: str, fields: dict[str, Any]) -> None:
        """An event arrives."""
        fields = json.loads(json.dumps(fields))
        clock = next(self._clock)
        event = {"timestamp": float(clock), **fields, "type": kind, "hostname": hostname, "clock": clock}
        event |= {"local_received": event["timestamp"], "utcoffset": 0, "pid": 1}
        self.seen.append(event)
        self._state.event(dict(event))

    def kinds(self, notification_id: str) -> dict[str, int]:
        """How often each event of one alert came, without what all names begin with."""
        found = (each["type"].removeprefix("task-") for each in self.seen if each["uuid"] == notification_id)
        return dict(Counter(found))

    def task(self, notification_id: str) -> Any:
        """What the list shows of an alert, once there is something; its worker by name."""
        # that its request hangs is told in a thread: a busy machine lets the test be here first
        until(lambda: notification_id in self._state.tasks, "an event")
        shown = self._state.tasks[notification_id].as_dict()
        return SimpleNamespace(**shown | {"worker": shown["worker"].hostname})

    def counted(self, kind: str, worker: str) -> int:
        """``flower_events_total`` of one worker."""
        (metric,) = self._state.metrics.events.collect()
        rows = [row for row in metric.samples if row.name.endswith("_total") and row.labels["worker"] == worker]
        return int(sum(row.value for row in rows if row.labels["type"] == f"task-{kind}"))

    def prefetched(self, *workers: str) -> set[float]:
        """``flower_worker_prefetched_tasks`` of these."""
        (metric,) = self._state.metrics.number_of_prefetched_tasks.collect()
        return {row.value for row in metric.samples if row.labels["worker"] in workers}


class Discord:
    """Answers as it is told to, else that a message is posted."""

    def __init__(self) -> None:
        self.answers: deque[Outcome] = deque()
        self._ids = count(900)
        self.edits = 0

    def get_webhook(self, webhook: Any) -> WebhookInfo:
        """Its channel."""
        return WebhookInfo(Answer(Delivered(None, None), ROOMY, 200), "2" + webhook.id[1:], "3000000000000000001", "F")

    def execute(self, *_: Any) -> Answer:
        """A post."""
        outcome = self.answers.popleft() if self.answers else Delivered(str(next(self._ids)), "2000000000000000001")
        return Answer(outcome, ROOMY, 200)

    def edit(self, *_: Any) -> Answer:
        """A change of a message."""
        self.edits += 1
        return self.execute()


class Worker:
    """Delivers and announces as a worker does."""

    def __init__(self, name: str, bench: Bench, discord: Discord, flower: Flower) -> None:
        self.name = f"{name}-{uuid.uuid4().hex[:6]}@host"  # Flower's metrics are those of the process
        self._flower = flower
        bench.redis.set(names.worker(self.name), 1, ex=600)
        conf = SimpleNamespace(
            worker_send_task_events=True,
            event_exchange="e",
            task_routes={route.task: {"queue": "q"} for route in ROUTES.values()},
        )
        tasks = {route.task: Mock() for route in ROUTES.values()}
        for each, task in tasks.items():
            task.name = each
        app: Any = SimpleNamespace(conf=conf, clock=SimpleNamespace(forward=lambda: 0), tasks=tasks)
        sender = EventSender(app, cast("Any", SimpleNamespace(producing=self._producing)))
        sender.hostname = self.name
        unannounced = Unannounced(bench.redis, names, bench.records)
        self.announcer = Announcer(app, cast("Any", Mock()), sender, unannounced)
        pulse: Any = SimpleNamespace(known=True, worker=lambda: self.name)
        parts = bench.outbox, pulse, bench.gate, cast("Any", discord), bench.settings, self.announcer
        self.delivery_worker = DeliveryWorker(*parts)
        self.delivery_worker.hanging.tell = self.announcer.hangs

    @contextmanager
    def _producing(self, _: str) -> Iterator[Any]:
        connection = SimpleNamespace(transport=SimpleNamespace(driver_type="redis"))
        yield SimpleNamespace(connection=connection, publish=self._publish)

    def _publish(self, text: str, **_: Any) -> None:
        for event in json.loads(text):
            self._flower.take(event["hostname"], event["type"], event)

    def runs(self, notification_id: str, alert_type: AlertType = AlertType.GENERAL) -> Delivery:
        """The delivery task of one alert comes to this worker."""
        delivery = self.delivery_worker.deliver(ClaimRequest(alert_type, notification_id))
        self.announcer.waits(notification_id, alert_type, f"title='{notification_id}'", delivery)
        return delivery

    def wakes(self, alert_type: AlertType = AlertType.GENERAL) -> Delivery:
        """A wake-up does."""
        return self.delivery_worker.deliver(ClaimRequest(alert_type))
