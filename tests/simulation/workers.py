"""The worker processes of the simulation, made of the real parts of one."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import redis
from greenlet import getcurrent

from notifier.gate.admin import Gate
from notifier.models import AlertType
from notifier.outbox.batch_result import BatchResult
from notifier.outbox.claim import Batch, Claim
from notifier.outbox.digest import Digests
from notifier.outbox.disposition import Action
from notifier.outbox.fleet import holdings
from notifier.outbox.heartbeat import BEAT_SECONDS, Heartbeat
from notifier.outbox.outbox import Outbox
from notifier.outbox.records import Records
from notifier.outcome import WebhookInfo
from notifier.routing import Partition
from notifier.settings import Settings
from notifier.storage.keys import Keys
from notifier.webhook import Webhook
from notifier.worker.delivery import DeliveryWorker
from notifier.worker.reconciliation import Reconciliation
from notifier.worker.sweep import Sweep
from tests.simulation.broker import Broker, Message, SimulatedPublisher
from tests.simulation.discord import SimulatedDiscord
from tests.simulation.earlier import EarlierOutbox
from tests.simulation.network import Network, Numbered
from tests.simulation.plan import BATCH_PAUSE
from tests.simulation.scheduler import SECOND, Process, Scheduler
from tests.simulation.version_0_2 import AWAY, batch_module, claim_module
from tests.simulation.version_0_2 import Worker as Worker02
from tests.simulation.webhooks import KINDS

KEYS = Keys()
GIVEN_BACK_SECONDS = 300
"""When, at the latest, a broker gives back what a dead worker held."""


@dataclass
class Worker:
    """A worker process."""

    number: int
    process: Process
    heartbeat: Heartbeat
    delivery: DeliveryWorker | Worker02
    sweep: Sweep | Worker02
    taken: list[Message] = field(default_factory=list)


class _Inline:
    """Stands for the threads in which slow requests go on: every activity may be slow here."""

    @staticmethod
    def run(act: Callable[[], Any]) -> Any:
        return act()


class Fleet:
    """All workers."""

    def __init__(
        self,
        scheduler: Scheduler,
        network: Network,
        broker: Broker,
        discord: SimulatedDiscord,
        settings: Settings,
        chance: random.Random,
        numbered: Numbered,
        note: Callable[[str], None],
    ) -> None:
        self._scheduler = scheduler
        self._network = network
        self._broker = broker
        self._discord = discord
        self._settings = settings
        self._chance = chance
        self._numbered = numbered
        self._batches = 0
        self._note = note
        self.workers: list[Worker] = []
        self.earlier: frozenset[int] = frozenset()
        """The numbers of the workers of the version before."""
        self.of_0_2: frozenset[int] = frozenset()
        """Those of version 0.2."""
        broker.hand_over = self._hand_over

    def start(self, number: int) -> None:
        """Start a worker, or start it again."""
        process = Process(f"worker-{number}.{len(self.workers)}")
        client = self._network.client_of(process)
        pauses = cast("Any", SimpleNamespace(wait=self._scheduler.pause))
        if number in self.of_0_2:
            old = Worker02(client, self._settings, self._discord, self._broker, pauses, self._committed)
            old.outbox.claim = partial(self._claim, process, old.outbox.claim)
            self._begin(Worker(number, process, old.heartbeat, old, old))
            return
        kind_of_outbox = EarlierOutbox if number in self.earlier else Outbox
        outbox, gate = kind_of_outbox(client, self._settings), Gate(client, self._settings)
        cast("Any", outbox).claim = partial(self._claim, process, outbox.claim)
        cast("Any", gate).webhook_fetched = partial(self._looked_up, gate.webhook_fetched)
        publisher = self.publisher(client, outbox)
        reconciliation = Reconciliation(outbox, publisher)
        reconciliation._never = pauses
        heartbeat = Heartbeat(client, KEYS, reconciliation)
        heartbeat._holdings = lambda: {
            partition: held
            for kind in KINDS
            for partition, held in holdings(
                kind, process.name, self._settings.webhooks_of(kind), len(outbox.partitions.of(kind))
            ).items()
        }
        delivery = DeliveryWorker(
            outbox, heartbeat, gate, cast("Any", self._discord), self._settings, self._announce, publisher.wake_up
        )
        delivery._offload = cast("Any", _Inline())
        delivery._redis_away = pauses
        sweep = Sweep(outbox, Digests(client, self._settings), publisher, ())
        self._begin(Worker(number, process, heartbeat, delivery, sweep))

    def _begin(self, worker: Worker) -> None:
        self.workers.append(worker)
        self._scheduler.spawn(worker.process, lambda: self._live(worker))
        self._note(f"{worker.process.name} starts{' (0.2)' if worker.number in self.of_0_2 else ''}")

    def _claim(self, process: Process, claim: Callable[..., Claim], *given: Any) -> Claim:
        began = self._scheduler.now
        claimed = claim(*given)
        if isinstance(claimed, Batch | claim_module.Batch):
            outbox = Partition(AlertType(claimed.alert_type), getattr(claimed, "partition", 0))
            self._discord.claims[getcurrent()] = outbox, began
            self._batches += 1
            what, seconds = self._numbered.of("batch", self._batches)
            if f"batch {what}" == BATCH_PAUSE:
                self._note(f"{process.name} stands still for {seconds} s with a batch")
                process.paused_until = max(process.paused_until, self._scheduler.now + round(seconds * SECOND))
                self._scheduler.pause(0)
        return claimed

    def _looked_up(
        self, store: Callable[..., None], webhook: Webhook, token: str, claimed_at: int, info: WebhookInfo
    ) -> None:
        answered_at = self._scheduler.now
        store(webhook, token, claimed_at, info)
        self._discord.looked_up(webhook, info, answered_at)

    def publisher(self, client: "redis.Redis", outbox: Outbox) -> SimulatedPublisher:
        """Publishes for one process."""
        digests, records = Digests(client, self._settings), Records(client, self._settings)
        publisher = SimulatedPublisher(cast("Any", None), cast("Any", outbox), records, digests, KEYS, 1.0)
        publisher.broker = self._broker
        return publisher

    def running(self, number: int) -> Worker | None:
        """The one of this number that lives, if any."""
        found = [each for each in self.workers if each.number == number and not each.process.dead]
        return found[-1] if found else None

    def kill(self, number: int, down_seconds: float) -> None:
        """Kill a worker and start it again later; the broker gives back what it held."""
        worker = self.running(number)
        if worker is None:
            return
        self._note(f"{worker.process.name} is killed, for {down_seconds} s")
        worker.process.dead = True
        for message in worker.taken:
            self._broker.put(message, self._chance.uniform(0, GIVEN_BACK_SECONDS))
        self._scheduler.spawn(Process("supervisor"), lambda: self.start(number), down_seconds)

    def _hand_over(self, message: Message) -> bool:
        ready = [each for each in self.workers if not each.process.dead and each.process.cut_off_until == 0]
        if not ready:
            return False
        worker = self._chance.choice(ready)
        worker.taken.append(message)
        self._scheduler.spawn(worker.process, lambda: self._take(worker, message))
        return True

    def _take(self, worker: Worker, message: Message) -> None:
        """What ``tasks/delivery.py`` does."""
        try:
            delivery = worker.delivery.deliver(message.request)
        except AWAY:
            if message.request.notification_id:
                self._broker.put(message, 2)
        else:
            own = message.request.notification_id
            if (
                isinstance(delivery, BatchResult | batch_module.BatchResult)
                and own
                and message.retries < self._settings.retry_attempts
            ):
                for each in delivery.dispositions:
                    if each.item.message.id == own and each.action == Action.RETRY_LATER:
                        self._broker.put(Message(message.request, message.retries + 1), delivery.retry_wait_seconds)
        worker.taken.remove(message)

    def _announce(self, result: BatchResult, began: float, committed_from: float) -> None:
        self._committed()

    def _committed(self) -> None:
        request = self._discord.request_of.get(getcurrent())
        if request is not None:
            self._discord.committed(request)

    def _live(self, worker: Worker) -> None:
        while True:
            try:
                name = worker.heartbeat.worker()
                break
            except AWAY:
                self._scheduler.pause(0.5)

        def beat() -> None:
            while True:
                self._scheduler.pause(2 * BEAT_SECONDS)
                try:
                    worker.heartbeat._beat(name)
                except AWAY:
                    continue

        self._scheduler.spawn(worker.process, beat)
        while True:
            worker.sweep(KINDS)
            for _ in range(round(self._settings.sweep_seconds)):
                self._scheduler.pause(1)
                worker.sweep.look(KINDS)
