"""Whatever travels how long, and whoever asks beside: Discord as the sandbox counts it never has to say 429."""

import heapq
import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import count

import pytest

from notifier.models import AlertType
from notifier.outbox.claim import Batch, ClaimRequest, FetchWebhook
from notifier.outcome import Answer, Delivered, RateLimitInfo, WebhookInfo
from notifier.sandbox.limits import Limits, LimitSettings
from notifier.webhook import Webhook
from tests.integration.conftest import OTHER_WEBHOOK, SECOND, START, WEBHOOK, WORKER, Bench, MakeBench
from tests.names import names

CHANNEL = "2000000000000000009"
TIMEOUT_SECONDS = 30
SPAN_SECONDS = 100
WEBHOOKS = {kind: OTHER_WEBHOOK if kind is AlertType.ERROR else WEBHOOK for kind in AlertType}
DELIVERED = Delivered("900", CHANNEL)


@dataclass
class Discord:
    """The sandbox's limits on the clock of the world, which never steps."""

    settings: LimitSettings
    refused: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._limits = Limits(self.settings)

    def asked(self, method: str, webhook: Webhook, now: float) -> RateLimitInfo:
        """Count a request; what the headers of its answer say."""
        group = self._limits.bucket_group("write" if method == "POST" else "webhook")
        channel = CHANNEL if method == "POST" else None
        hit = self._limits.hit_global("us", now) or self._limits.hit_webhook(group, webhook.id, channel, now)
        self.taken[method] += 1
        if hit:
            self.refused[f"{method} {hit.scope}"] += 1
        told = self._limits.bucket_state(group, webhook.id, now)
        return RateLimitInfo(told.limit, told.remaining, told.reset_after, now + told.reset_after, group)


@dataclass
class World:
    """A fleet and its Discord; every request is a claim, an arrival and an answer, each at its time."""

    bench: Bench
    discord: Discord
    chance: random.Random
    now: float = START / SECOND
    _events: list[tuple[float, int, object]] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)

    def at(self, when: float, act: object) -> None:
        """Do that then."""
        heapq.heappush(self._events, (when, next(self._numbers), act))

    def run(self, seconds: float) -> None:
        """Let time pass, and do what is due."""
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            when, _, act = heapq.heappop(self._events)
            self.bench.tick(when - self.now)
            self.now = when
            act()  # type: ignore[operator]

    def travel(self, method: str, webhook: Webhook, answered: object) -> None:
        """Send a request: Discord counts it somewhere on its way."""
        (flight,) = self.chance.choices([0.05, 0.3, 2.0, TIMEOUT_SECONDS * 2], [6, 6, 3, 1])
        arrives = self.chance.uniform(0, flight)
        told: list[RateLimitInfo] = []
        self.at(self.now + arrives, lambda: told.append(self.discord.asked(method, webhook, self.now)))
        self.at(self.now + flight, lambda: answered(told[0]))  # type: ignore[operator]

    def claim(self, kind: AlertType) -> None:
        """One task of a worker, and the next one soon."""
        webhook = WEBHOOKS[kind]
        self.bench.redis.set(names.worker(WORKER), 1, ex=600)  # its heartbeat: a step of the clock takes it away
        claim = self.bench.outbox.claim(ClaimRequest(kind), webhook, WORKER)
        if isinstance(claim, Batch):
            self.travel("POST", webhook, lambda told: self.bench.commit(claim, DELIVERED, told))
        elif isinstance(claim, FetchWebhook):
            self.fetch(webhook, claim.token, claim.claimed_at)
        self.at(self.now + self.chance.choice([0.1, 0.5, 3.0]), lambda: self.claim(kind))

    def check(self) -> None:
        """`notifier check` of a webhook, now and then."""
        webhook = self.chance.choice([WEBHOOK, OTHER_WEBHOOK])
        token = f"check {next(self._numbers)}"
        reserved = self.bench.gate.reserve_fetch(webhook, token)
        if reserved.reason is None:
            self.fetch(webhook, token, reserved.claimed_at)
        self.at(self.now + self.chance.choice([0.05, 0.2, 5.0]), self.check)

    def fetch(self, webhook: Webhook, token: str, claimed_at: int) -> None:
        def answered(told: RateLimitInfo) -> None:
            info = WebhookInfo(Answer(DELIVERED, told, 200), CHANNEL, None, "Fake")
            self.bench.gate.webhook_fetched(webhook, token, claimed_at, info)

        self.travel("GET", webhook, answered)


LIMITS = {
    "sliding": LimitSettings(),
    "fixed": LimitSettings(bucket_mode="fixed"),
    "shared by reads": LimitSettings(bucket_shared_by_reads=True),
}


@pytest.mark.slow
@pytest.mark.parametrize("steps_back", [False, True], ids=["steady", "the clock steps back"])
@pytest.mark.parametrize("name", LIMITS)
def test_no_request_meets_a_429(make_bench: MakeBench, name: str, steps_back: bool) -> None:
    chance = random.Random(f"{name} {steps_back}")
    bench = make_bench(queue_size=1_000, rate_limit_per_minute=25, timeout_seconds=TIMEOUT_SECONDS)
    for kind in AlertType:
        bench.admit(*(f"{kind}{number}" for number in range(40)), alert_type=kind, message="x" * 5_000)
    world = World(bench, Discord(LIMITS[name]), chance)
    for kind in AlertType:
        world.at(world.now, lambda kind=kind: world.claim(kind))
    world.at(world.now, world.check)
    for _ in range(3):
        world.run(SPAN_SECONDS)
        if steps_back:
            bench.tick(-chance.uniform(1, 700))
    assert world.discord.refused == {}
    assert world.discord.taken["POST"] > 50, "enough went for the limits to bind"
    assert world.discord.taken["GET"] > 20
