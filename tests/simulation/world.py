"""One run: callers, a broker, workers, Redis and Discord, each of which may fail as the plan says."""

import random
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from notifier.settings import Settings
from tests.simulation.broker import Broker
from tests.simulation.callers import Caller
from tests.simulation.clocks import simulated
from tests.simulation.discord import SimulatedDiscord
from tests.simulation.network import Network, Numbered
from tests.simulation.plan import FAULT_SECONDS, WORKERS, Fault, Plan, Raised
from tests.simulation.redis_state import Server
from tests.simulation.scheduler import SECOND, Process, Scheduler
from tests.simulation.webhooks import FURTHER, KINDS, OUTBOXES, WEBHOOKS
from tests.simulation.workers import KEYS, Fleet

DRAIN_SECONDS = 600.0
STUCK_SECONDS = 300.0
"""What has not gone on for so long never will: the clock of a caller that has spooled may step by two minutes."""
FEW, GROUP_SECONDS = 2, 2.0
MEMORY = Path("/dev", "shm") if Path("/dev", "shm").is_dir() else None
"""A disk is as durable as it is: to wait for it would prove nothing here."""


@lru_cache
def _settings(*, several: bool, folds: bool, collects: bool) -> Settings:
    return Settings.load().model_copy(
        update={
            "webhooks": WEBHOOKS,
            "further_webhooks": FURTHER if several else {},
            "queue_size": FEW if folds else 100,
            "group_seconds_by_type": dict.fromkeys(KINDS[:2], GROUP_SECONDS) if collects else {},
            "wrong_webhooks": {},
            "timeout_seconds": 10.0,
            # short, so that a run is over soon
            "breaker_open_seconds": 10.0,
            "breaker_open_max_seconds": 60.0,
            "retry_backoff_max_seconds": 30.0,
            "undeliverable_seconds": 30.0,
        }
    )


class World:
    """Runs a plan."""

    def __init__(self, plan: Plan, server: Server) -> None:
        self.plan = plan
        self.server = server
        self.scheduler = Scheduler()
        self.trace: list[str] = []
        chance = random.Random(f"run of {plan.seed}")
        self._settings = _settings(several=plan.several, folds=plan.folds, collects=plan.collects)
        self._numbered = Numbered(plan.faults)
        self.network = Network(self.scheduler, server, chance, self._numbered, self.note)
        self.discord = SimulatedDiscord(self.scheduler, chance.uniform, self._numbered.of, sliding=plan.sliding)
        self.discord.note = self.note
        self.discord.is_probing = lambda webhook: server.client.hget(KEYS.gate(webhook), "breaker") == "half_open"
        self.broker = broker = Broker(self.scheduler, chance, self._numbered, self.note)
        self.fleet = Fleet(
            self.scheduler, self.network, broker, self.discord, self._settings, chance, self._numbered, self.note
        )
        self._folder = TemporaryDirectory(dir=MEMORY) if plan.spools else None
        folder = Path(self._folder.name) if self._folder else None
        self.caller = Caller(self.scheduler, self.network, self.fleet, self._settings, folder, self.note)
        self._outside = Process("outside")
        self._looked_at = self._noted_at = 0

    def note(self, text: str) -> None:
        """One line of the trace."""
        self._noted_at = self.scheduler.now
        self.trace.append(f"{self.scheduler.now / SECOND:9.3f} {text}")

    @property
    def happened(self) -> tuple[object, ...]:
        """What is the same in each run of the same plan."""
        return self.scheduler.now, self.network.operations, self.discord.posted, self.caller.accepted_at, self.trace

    @property
    def accepted(self) -> dict[str, Raised]:
        """The alerts that the caller was told to be safe."""
        return self.caller.accepted

    @property
    def maybe(self) -> dict[str, Raised]:
        """Those of which it does not know."""
        return self.caller.maybe

    @property
    def accepted_at(self) -> dict[str, int]:
        """When it was told so."""
        return self.caller.accepted_at

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
            case "forget" | "failover":
                self.network.forget(fault.amount, 0.3 if fault.what == "forget" else 0.0)
            case "kill_caller":
                self.caller.kill(fault.amount)
            case "clock" | "caller_clock":
                (self.network if fault.what == "clock" else self.caller).step_clock(fault.amount)
            case "outage" | "crawl":
                self.note(f"Discord {'fails' if fault.what == 'outage' else 'crawls'} for {fault.amount} s")
                self.discord.until[fault.what] = max(self.discord.until[fault.what], ends_at)

    def run(self) -> None:
        """Let all of it happen, and then everything end."""
        self.server.begin()
        with simulated(self.scheduler, self.plan.seed):
            self.fleet.earlier = frozenset({0}) if self.plan.upgrades else frozenset()
            self.fleet.of_0_2 = frozenset({0}) if self.plan.beside_0_2 else frozenset()
            for number in range(WORKERS):
                self.fleet.start(number)
            self.caller.start()
            for raised in self.plan.alerts:
                self.caller.plan(raised)
            for fault in self.plan.faults:
                if " " not in fault.what:
                    self.scheduler.spawn(self._outside, partial(self._happen, fault), fault.at)
            try:
                self.scheduler.run(lambda: False, FAULT_SECONDS)
                self._numbered.clear()
                self.scheduler.run(lambda: self._all_ended() or self._is_stuck(), DRAIN_SECONDS)
                self.scheduler.run(lambda: False, 6)  # a sweep more
            finally:
                self.scheduler.end()
                if self._folder:
                    self._folder.cleanup()

    def status_of(self, name: str) -> str | None:
        """How an alert has ended, as its record says."""
        return cast("str | None", self.server.client.hget(KEYS.notification(name), "status"))

    def is_forgotten(self, name: str) -> bool:
        """Whether Redis has forgotten that it took the alert: it has what it wrote last on no disk yet."""
        if name in self.caller.spooled:
            return bool(self.forgotten)  # it was handed over some time
        raised_at, accepted_at = self.caller.raised_at[name], self.caller.accepted_at[name]
        return any(since <= accepted_at and raised_at <= until for since, until in self.forgotten)

    def _is_stuck(self) -> bool:
        return self.scheduler.now > self._noted_at + STUCK_SECONDS * SECOND

    def _one_stands_still(self) -> bool:
        """Others may have ended what it has under way; it ends its batch as it goes on."""
        workers = [each.process for each in self.fleet.workers]
        return any(each.paused_until > self.scheduler.now and not each.dead for each in workers)

    def _one_asks_discord(self) -> bool:
        """Others may have ended all of its batch; it ends that once it has an answer."""
        return any(not each.by.dead for posts in self.discord.webhooks.values() for each in posts.under_way)

    def _all_ended(self) -> bool:
        if self.scheduler.now < self._looked_at + SECOND:
            return False
        self._looked_at = self.scheduler.now
        if self.caller.is_raising or any(self.scheduler.now <= each.at * SECOND for each in self.plan.alerts):
            return False
        ended = [KEYS.result(name) for name in self.caller.accepted if not self.is_forgotten(name)]
        if self.caller.has_spooled or self._one_stands_still() or self._one_asks_discord():
            return False
        waiting = [key for outbox in OUTBOXES for key in KEYS.outbox_parts(outbox)[:3]]
        waiting += [KEYS.outbox(kind, "digest") for kind in KINDS]
        exists = self.server.client.exists
        return not exists(*waiting) and (not ended or exists(*ended) == len(ended))
