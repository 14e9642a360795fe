"""One run: callers, a broker, workers, Redis and Discord, each of which may fail as the plan says."""

import random
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import redis
from greenlet import getcurrent

from notifier.errors import BrokerUnavailable
from notifier.gate.admin import Gate
from notifier.models import NotificationMessage
from notifier.outbox import heartbeat as heartbeat_module
from notifier.outbox import outbox as outbox_module
from notifier.outbox.admission import Admitted
from notifier.outbox.batch_result import BatchResult
from notifier.outbox.claim import ClaimRequest, WakeUp
from notifier.outbox.digest import Digests
from notifier.outbox.disposition import Action
from notifier.outbox.fleet import holding_as_json
from notifier.outbox.heartbeat import BEAT_SECONDS, Heartbeat
from notifier.outbox.outbox import Outbox
from notifier.outbox.preparation import prepare
from notifier.outbox.recent_steps import Step
from notifier.outbox.records import Records
from notifier.outbox.terms import Terms
from notifier.producer.publisher import Publisher
from notifier.settings import Settings
from notifier.storage.keys import Keys
from notifier.worker.delivery import DeliveryWorker
from notifier.worker.reconciliation import Reconciliation
from notifier.worker.sweep import Sweep
from tests.simulation.discord import KINDS, WEBHOOKS, SimulatedDiscord
from tests.simulation.plan import FAULT_SECONDS, WORKERS, Fault, Plan, Raised
from tests.simulation.redis_state import Server, SimulatedRedis
from tests.simulation.scheduler import SECOND, Process, Scheduler

EPOCH = 1_800_000_000 * SECOND
DRAIN_SECONDS = 600.0
KEYS = Keys()


@dataclass(frozen=True, slots=True)
class Message:
    """A message of the broker: the trigger of one alert, or a wake-up."""

    request: ClaimRequest
    retries: int = 0


@dataclass
class Worker:
    """A worker process, with the real parts of one."""

    process: Process
    heartbeat: Heartbeat
    delivery: DeliveryWorker
    outbox: Outbox
    sweep: Sweep
    taken: list[Message] = field(default_factory=list)


class _Inline:
    """Stands for the threads in which slow requests go on: every activity may be slow here."""

    @staticmethod
    def run(act: Callable[[], Any]) -> Any:
        return act()


class SimulatedPublisher(Publisher):
    """The real one, whose messages go to the broker of the simulation."""

    put: Callable[[Message, float], None]

    def dispatch(self, message: NotificationMessage, again: bool = True) -> None:
        """Send the trigger of an alert."""
        self.put(Message(ClaimRequest(message.alert_type, message.id)), 0)

    def wake_up(self, wake_up: WakeUp | None) -> None:
        """Send a wake-up."""
        if wake_up is not None:
            self.put(Message(ClaimRequest(wake_up.alert_type, wake_up=wake_up.token)), wake_up.wait_seconds)


class World:
    """Runs a plan."""

    def __init__(self, plan: Plan, server: Server) -> None:
        self.plan = plan
        self.server = server
        self.scheduler = Scheduler()
        self.chance = random.Random(f"run of {plan.seed}")
        self.settings = Settings.load().model_copy(
            update={
                "webhooks": WEBHOOKS,
                "wrong_webhooks": {},
                "timeout_seconds": 10.0,
                # short, so that a run is over soon
                "breaker_open_seconds": 10.0,
                "breaker_open_max_seconds": 60.0,
                "retry_backoff_max_seconds": 30.0,
            }
        )
        self.accepted: dict[str, Raised] = {}
        self.accepted_at: dict[str, int] = {}
        self.maybe: dict[str, Raised] = {}
        self.trace: list[str] = []
        self.discord = SimulatedDiscord(self.scheduler, self.chance.uniform, self._answer_fault, sliding=plan.sliding)
        self.discord.note = self.note
        self.discord.is_probing = lambda webhook: server.client.hget(KEYS.gate(webhook), "breaker") == "half_open"
        self.workers: list[Worker] = []
        self.clock_ahead = 0
        self.redis_down_until = 0
        self.operations = self.messages = 0
        self._outside = Process("outside")
        self._faults: dict[str, dict[int, Fault]] = defaultdict(dict)
        for each in plan.faults:
            family, _, what = each.what.partition(" ")
            if what:
                self._faults[family][int(each.at)] = Fault(what, each.at, each.who, each.amount)
        self.forgotten: list[tuple[int, int]] = []

    def note(self, text: str) -> None:
        """One line of the trace."""
        self.trace.append(f"{self.scheduler.now / SECOND:9.3f} {text}")

    # Redis

    @property
    def redis_now(self) -> int:
        """What Redis' clock shows."""
        return EPOCH + self.scheduler.now + self.clock_ahead

    def _operate(self, process: Process, act: Callable[[], Any]) -> Any:
        self.operations += 1
        fault = self._faults["operation"].get(self.operations)
        what, amount = (fault.what, fault.amount) if fault else ("", 0.0)
        self.scheduler.pause(self.chance.uniform(0.0001, 0.002))
        now = self.scheduler.now
        if now < max(self.redis_down_until, process.cut_off_until):
            self.scheduler.pause(0.05)
            raise redis.ConnectionError("no Redis here")
        if what == "request_lost":
            self.note(f"{process.name}: an operation does not reach Redis")
            self.scheduler.pause(1)
            raise redis.TimeoutError("no answer")
        self.server.tick(self.redis_now)
        answer = act()
        self.scheduler.pause(self.chance.uniform(0.0001, 0.002) + (amount if what == "late" else 0))
        if what == "answer_lost" or process.cut_off_until > now:
            self.note(f"{process.name}: an answer of Redis is lost")
            self.scheduler.pause(1)
            raise redis.TimeoutError("no answer")
        return answer

    def client_of(self, process: Process) -> "redis.Redis":
        """A client of one process."""
        pool = self.server.client.connection_pool
        return SimulatedRedis(pool, lambda act: self._operate(process, act), lambda: self.redis_now)

    # the broker

    def put(self, message: Message, wait_seconds: float) -> None:
        """Put a message into its queue; some worker takes it, once."""
        self.messages += 1
        fault = self._faults["message"].get(self.messages)
        if fault and fault.what == "lost":
            self.note(f"a message is lost: {_told(message)}")
            return
        late = fault.amount if fault and fault.what == "late" else 0.0
        for _ in range(2 if fault and fault.what == "twice" else 1):
            delay = wait_seconds + late + self.chance.uniform(0.0005, 0.02)
            self.scheduler.spawn(self._outside, lambda: self._hand_over(message), delay)

    def _hand_over(self, message: Message) -> None:
        ready = [each for each in self.workers if not each.process.dead and each.process.cut_off_until == 0]
        if not ready:
            self.scheduler.spawn(self._outside, lambda: self._hand_over(message), 0.5)
            return
        worker = self.chance.choice(ready)
        worker.taken.append(message)
        self.scheduler.spawn(worker.process, lambda: self._take(worker, message))

    def _take(self, worker: Worker, message: Message) -> None:
        """What ``tasks/delivery.py`` does."""
        try:
            delivery = worker.delivery.deliver(message.request)
        except BrokerUnavailable:
            if message.request.notification_id:
                self.put(message, 2)
        else:
            own = message.request.notification_id
            if isinstance(delivery, BatchResult) and own and message.retries < self.settings.retry_attempts:
                for each in delivery.dispositions:
                    if each.item.message.id == own and each.action is Action.RETRY_LATER:
                        self.put(Message(message.request, message.retries + 1), delivery.retry_wait_seconds)
        worker.taken.remove(message)

    # processes

    def start_worker(self, number: int) -> None:
        """Start a worker, or start it again."""
        process = Process(f"worker-{number}.{sum(1 for each in self.workers if each is not None)}")
        client = self.client_of(process)
        outbox, gate = Outbox(client, self.settings), Gate(client, self.settings)
        publisher = self._publisher(client, outbox)
        reconciliation = Reconciliation(outbox, publisher)
        reconciliation._never = cast("Any", SimpleNamespace(wait=self.scheduler.pause))
        heartbeat = Heartbeat(client, KEYS, reconciliation)
        heartbeat._holdings = lambda: {
            kind: holding_as_json(process.name, webhook) for kind, webhook in WEBHOOKS.items()
        }
        delivery = DeliveryWorker(
            outbox, heartbeat, gate, cast("Any", self.discord), self.settings, self._announce, publisher.wake_up
        )
        delivery._offload = cast("Any", _Inline())
        delivery._redis_away = cast("Any", SimpleNamespace(wait=self.scheduler.pause))
        sweep = Sweep(outbox, Digests(client, self.settings), publisher, ())
        worker = Worker(process, heartbeat, delivery, outbox, sweep)
        self.workers.append(worker)
        self.scheduler.spawn(process, lambda: self._live(worker))
        self.note(f"{process.name} starts")

    def _publisher(self, client: "redis.Redis", outbox: Outbox) -> SimulatedPublisher:
        digests, records = Digests(client, self.settings), Records(client, self.settings)
        publisher = SimulatedPublisher(cast("Any", None), cast("Any", outbox), records, digests, KEYS, 1.0)
        publisher.put = self.put
        return publisher

    def _announce(self, result: BatchResult, began: float, committed_from: float) -> None:
        request = self.discord.request_of.get(id(getcurrent()))
        if request is not None:
            request.committed_at = self.scheduler.now

    def _live(self, worker: Worker) -> None:
        while True:
            try:
                name = worker.heartbeat.worker()
                break
            except BrokerUnavailable:
                self.scheduler.pause(0.5)

        def beat() -> None:
            while True:
                self.scheduler.pause(2 * BEAT_SECONDS)
                try:
                    worker.heartbeat._beat(name)
                except BrokerUnavailable:
                    continue

        self.scheduler.spawn(worker.process, beat)
        while True:
            worker.sweep(KINDS)
            self.scheduler.pause(self.settings.sweep_seconds)

    def kill(self, number: int, down_seconds: float) -> None:
        """Kill a worker and start it again later; the broker gives back what it held."""
        worker = self._running(number)
        if worker is None:
            return
        self.note(f"{worker.process.name} is killed, for {down_seconds} s")
        worker.process.dead = True
        for message in worker.taken:
            self.put(message, self.chance.uniform(0, 300))
        self.scheduler.spawn(self._outside, lambda: self.start_worker(number), down_seconds)

    def _running(self, number: int) -> Worker | None:
        prefix = f"worker-{number}."
        found = [each for each in self.workers if each.process.name.startswith(prefix) and not each.process.dead]
        return found[-1] if found else None

    # what the plan says

    def _answer_fault(self, number: int) -> tuple[str, float] | None:
        fault = self._faults["answer"].get(number)
        return (fault.what, fault.amount) if fault else None

    def _happen(self, fault: Fault) -> None:
        now = self.scheduler.now
        ends_at = now + round(fault.amount * SECOND)
        match fault.what:
            case "kill":
                self.kill(fault.who, fault.amount)
            case "pause" if worker := self._running(fault.who):
                self.note(f"{worker.process.name} stands still for {fault.amount} s")
                worker.process.paused_until = ends_at
            case "cut_off" if worker := self._running(fault.who):
                self.note(f"{worker.process.name} is cut off from Redis for {fault.amount} s")
                worker.process.cut_off_until = ends_at
                self.scheduler.pause(fault.amount)
                worker.process.cut_off_until = 0
            case "restart":
                self._restart(fault.amount)
            case "forget":
                remembered, since = self.server.remember(), self.redis_now
                self.scheduler.pause(fault.amount)
                self.forgotten.append((now, self.scheduler.now))
                self.note(f"Redis forgets its last {fault.amount} s")
                self._restart(0.3)
                self.server.forget(remembered, max(self.redis_now, since))
            case "clock":
                self.note(f"Redis' clock steps by {fault.amount} s")
                self.clock_ahead += round(fault.amount * SECOND)
            case "outage":
                self.note(f"Discord fails for {fault.amount} s")
                self.discord.outage_until = max(self.discord.outage_until, ends_at)

    def _restart(self, seconds: float) -> None:
        self.note(f"Redis restarts, and is away for {seconds} s")
        self.server.restart()
        self.redis_down_until = self.scheduler.now + round(seconds * SECOND)

    def _raise(self, publisher: Publisher, raised: Raised) -> None:
        """What a caller does that repeats a call that may have been stored, as ``.delay()`` tells it to."""
        title = f"{raised.name} refused" if raised.refused else raised.shown_as
        incident = {"dedup_key": raised.key, "dedup_seconds": 3_600.0} if raised.key else {}
        message = NotificationMessage(id=raised.name, title=title, alert_type=KINDS[raised.kind], **incident)
        message = prepare(message, self.settings)
        terms = Terms(after_seconds=raised.after or 0, expires_seconds=raised.expires)
        self.maybe[raised.name] = raised
        try:
            admitted = publisher.admit(message, terms)
        except BrokerUnavailable:
            try:
                admitted = publisher.admit(message, terms)
            except BrokerUnavailable:
                return
        del self.maybe[raised.name]
        self.accepted[raised.name] = raised
        self.accepted_at[raised.name] = self.scheduler.now
        if admitted is not Admitted.COUNTED:
            publisher.dispatch(message)

    # the run

    def run(self) -> None:
        """Let all of it happen, and then everything end."""
        self.server.begin(EPOCH)
        with self._simulated_time():
            for number in range(WORKERS):
                self.start_worker(number)
            callers = Process("caller")
            client = self.client_of(callers)
            publisher = self._publisher(client, Outbox(client, self.settings))
            for raised in self.plan.alerts:
                self.scheduler.spawn(callers, lambda raised=raised: self._raise(publisher, raised), raised.at)
            for fault in self.plan.faults:
                if " " not in fault.what:
                    self.scheduler.spawn(self._outside, lambda fault=fault: self._happen(fault), fault.at)
            try:
                self.scheduler.run(lambda: False, FAULT_SECONDS)
                self._faults.clear()
                self.scheduler.run(self._all_ended, DRAIN_SECONDS)
                self.scheduler.run(lambda: False, 6)  # a sweep more
            finally:
                self.scheduler.end()

    def is_forgotten(self, name: str) -> bool:
        """Whether Redis has forgotten that it took the alert: it has what it wrote last on no disk yet."""
        return any(since <= self.accepted_at[name] <= until for since, until in self.forgotten)

    def _all_ended(self) -> bool:
        if self.scheduler.now < self._looked_at + SECOND:
            return False
        self._looked_at = self.scheduler.now
        raw = self.server.client
        pipeline = raw.pipeline(transaction=False)
        names = [name for name in self.accepted if not self.is_forgotten(name)]
        for name in names:
            pipeline.exists(KEYS.result(name))
        for kind in KINDS:
            for key in KEYS.outbox_parts(kind)[:3]:
                pipeline.exists(key)
        found = pipeline.execute()
        count = len(names)
        return all(found[:count]) and not any(found[count:])

    _looked_at = 0

    @contextmanager
    def _simulated_time(self) -> Iterator[None]:
        """Clocks, tokens and chance are the simulation's."""
        spawn = self.scheduler.spawn

        class Thread:
            """Begins an activity of the process in which it is started."""

            def __init__(
                here, target: Callable[..., object], args: tuple[Any, ...] = (), name: str = "", **_: Any
            ) -> None:  # noqa: N805
                here.act = lambda: target(*args)
                here.name = name

            def start(here) -> None:  # noqa: N805
                if here.name != "heartbeat":  # the worker beats by itself
                    spawn(self.scheduler.here(), here.act)

        tokens = random.Random(f"tokens of {self.plan.seed}")
        threads = SimpleNamespace(Thread=Thread, Lock=mock.MagicMock, Event=mock.MagicMock)
        random.seed(f"backoff of {self.plan.seed}")
        with (
            mock.patch.object(time, "monotonic", lambda: self.scheduler.now / SECOND),
            mock.patch.object(uuid, "uuid4", lambda: uuid.UUID(int=tokens.getrandbits(128), version=4)),
            mock.patch.object(heartbeat_module, "threading", threads),
            mock.patch.object(
                outbox_module, "Step", lambda *given, **named: Step(*given, **named, at=time.monotonic())
            ),
        ):
            yield


def _told(message: Message) -> str:
    request = message.request
    return request.notification_id or f"wake-up of {request.alert_type}"
