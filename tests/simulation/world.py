"""One run: callers, a broker, workers, Redis and Discord, each of which may fail as the plan says."""

import random
from functools import lru_cache, partial

from notifier.errors import BrokerUnavailable
from notifier.models import NotificationMessage
from notifier.outbox.outbox import Outbox
from notifier.outbox.preparation import prepare
from notifier.outbox.terms import Terms
from notifier.producer.publisher import Publisher
from notifier.settings import Settings
from tests.simulation.broker import Broker
from tests.simulation.clocks import simulated
from tests.simulation.discord import KINDS, WEBHOOKS, SimulatedDiscord
from tests.simulation.network import Network, Numbered
from tests.simulation.plan import FAULT_SECONDS, WORKERS, Fault, Plan, Raised
from tests.simulation.redis_state import Server
from tests.simulation.scheduler import SECOND, Process, Scheduler
from tests.simulation.workers import KEYS, Fleet

DRAIN_SECONDS = 600.0


@lru_cache(maxsize=1)
def _settings() -> Settings:
    return Settings.load().model_copy(
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


class World:
    """Runs a plan."""

    def __init__(self, plan: Plan, server: Server) -> None:
        self.plan = plan
        self.server = server
        self.scheduler = Scheduler()
        self.trace: list[str] = []
        self.accepted: dict[str, Raised] = {}
        self.raised_at: dict[str, int] = {}
        self.accepted_at: dict[str, int] = {}
        self.maybe: dict[str, Raised] = {}
        chance = random.Random(f"run of {plan.seed}")
        self._settings = _settings()
        self._numbered = Numbered(plan.faults)
        self.network = Network(self.scheduler, server, chance, self._numbered, self.note)
        self.discord = SimulatedDiscord(
            self.scheduler, chance.uniform, partial(self._numbered.of, "answer"), sliding=plan.sliding
        )
        self.discord.note = self.note
        self.discord.is_probing = lambda webhook: server.client.hget(KEYS.gate(webhook), "breaker") == "half_open"
        broker = Broker(self.scheduler, chance, self._numbered, self.note)
        self.fleet = Fleet(self.scheduler, self.network, broker, self.discord, self._settings, chance, self.note)
        self._outside = Process("outside")
        self._looked_at = 0

    def note(self, text: str) -> None:
        """One line of the trace."""
        self.trace.append(f"{self.scheduler.now / SECOND:9.3f} {text}")

    @property
    def forgotten(self) -> list[tuple[int, int]]:
        """From when to when Redis has forgotten what it did."""
        return self.network.forgotten

    def _happen(self, fault: Fault) -> None:
        ends_at = self.scheduler.now + round(fault.amount * SECOND)
        worker = self.fleet.running(fault.who)
        match fault.what:
            case "kill":
                self.fleet.kill(fault.who, fault.amount)
            case "pause" if worker:
                self.note(f"{worker.process.name} stands still for {fault.amount} s")
                worker.process.paused_until = ends_at
            case "cut_off" if worker:
                self.network.cut_off(worker.process, fault.amount)
            case "restart":
                self.network.restart(fault.amount)
            case "forget":
                self.network.forget(fault.amount, 0.3)
            case "clock":
                self.network.step_clock(fault.amount)
            case "outage":
                self.note(f"Discord fails for {fault.amount} s")
                self.discord.outage_until = max(self.discord.outage_until, ends_at)

    def _raise(self, publisher: Publisher, raised: Raised) -> None:
        """What a caller does that repeats a call that may have been stored, as ``.delay()`` tells it to."""
        title = f"{raised.name} refused" if raised.refused else raised.shown_as
        incident = {"dedup_key": raised.key, "dedup_seconds": 3_600.0} if raised.key else {}
        message = NotificationMessage(id=raised.name, title=title, alert_type=KINDS[raised.kind], **incident)
        message = prepare(message, self._settings)
        terms = Terms(after_seconds=raised.after or 0, expires_seconds=raised.expires)
        self.maybe[raised.name] = raised
        self.raised_at[raised.name] = self.scheduler.now
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
        if admitted.needs_task:
            publisher.dispatch(message)

    def run(self) -> None:
        """Let all of it happen, and then everything end."""
        self.server.begin()
        with simulated(self.scheduler, self.plan.seed):
            for number in range(WORKERS):
                self.fleet.start(number)
            callers = Process("caller")
            client = self.network.client_of(callers)
            publisher = self.fleet.publisher(client, Outbox(client, self._settings))
            for raised in self.plan.alerts:
                self.scheduler.spawn(callers, partial(self._raise, publisher, raised), raised.at)
            for fault in self.plan.faults:
                if " " not in fault.what:
                    self.scheduler.spawn(self._outside, partial(self._happen, fault), fault.at)
            try:
                self.scheduler.run(lambda: False, FAULT_SECONDS)
                self._numbered.clear()
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
        ended = [KEYS.result(name) for name in self.accepted if not self.is_forgotten(name)]
        waiting = [key for kind in KINDS for key in KEYS.outbox_parts(kind)[:3]]
        exists = self.server.client.exists
        return not exists(*waiting) and (not ended or exists(*ended) == len(ended))
