"""The Discord of the simulation: what it has stored, and how it answers. It counts as Discord does."""

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from greenlet import getcurrent, greenlet
from pydantic import SecretStr

from notifier.models import AlertType
from notifier.outcome import (
    Answer,
    Deferred,
    Delivered,
    Failed,
    Outcome,
    RateLimitInfo,
    Reason,
    Rejected,
    Unknown,
    WebhookInfo,
)
from notifier.render.batch import Payload
from notifier.webhook import Webhook
from tests.simulation.answers import HANG_SECONDS, HANGS, LOSES_ITS_ANSWER, NEVER_ARRIVES, NOT_TAKEN
from tests.simulation.network import EPOCH
from tests.simulation.plan import STOPS
from tests.simulation.scheduler import SECOND, Process, Scheduler

BUCKET, PERIOD = 5, 2 * SECOND
STEP = PERIOD // BUCKET
CHANNEL, MINUTE = 30, 60 * SECOND
RESOLVED_MARK = "✅ "
MARK = "may be a duplicate"
CRAWL_SECONDS = (3.0, 9.0)
"""How much longer an answer takes while Discord crawls: less than what a worker waits for it."""

KINDS = (AlertType.GENERAL, AlertType.ERROR, AlertType.CRITICAL)
_SHARED = Webhook("1000000000000000000", SecretStr("fake-token-shared"))
WEBHOOKS = {
    AlertType.GENERAL: _SHARED,
    AlertType.ERROR: _SHARED,
    AlertType.CRITICAL: Webhook("1000000000000000002", SecretStr("fake-token-critical")),
}
"""Two types share one webhook, its channel and its limits."""
OUTBOXES = {
    webhook.id: [kind for kind, its in WEBHOOKS.items() if its.id == webhook.id] for webhook in WEBHOOKS.values()
}


@dataclass
class Posted:
    """One copy of an alert in a channel."""

    name: str
    at: int
    is_marked: bool
    request: "Request"


@dataclass
class Request:
    """One post, as it reached Discord."""

    at: int
    by: Process
    is_probe: bool = False
    """Whether the breaker was half-open when it was made."""
    answered: bool = False
    """Whether its worker has got Discord's answer."""
    committed_at: int | None = None
    """When that answer was stored."""


@dataclass
class Channel:
    """One webhook's channel."""

    posted: list[Posted] = field(default_factory=list)
    times: deque[int] = field(default_factory=deque)
    free_at: int = 0
    """When all requests of the bucket are back."""
    made: int = 0
    """Requests of the period under way, if it does not slide."""
    under_way: list[Request] = field(default_factory=list)
    messages: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """The embeds of each message by its id, as they are now."""
    shown: list[tuple[str, list[dict[str, Any]]]] = field(default_factory=list)
    """What each message has shown, in the order in which it did."""


class SimulatedDiscord:
    """Stands for ``DiscordClient`` in each worker.

    Args:
        fault_of: what happens to the request of this number, and how much of it; '' if nothing does.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        chance: Callable[[float, float], float],
        fault_of: Callable[[int], tuple[str, float]],
        *,
        sliding: bool,
    ) -> None:
        self._scheduler = scheduler
        self._chance = chance
        self._fault_of = fault_of
        self._sliding = sliding
        self.channels: defaultdict[str, Channel] = defaultdict(Channel)
        self.requests = self.look_ups = 0
        self.limited: list[str] = []
        """Requests that went above a limit, in words."""
        self._ids = count(900)
        self._process = Process("network")
        self.note: Callable[[str], object] = print
        self.at_once: list[str] = []
        """Requests that were made while another one to the same webhook was under way, in words."""
        self.is_probing: Callable[[str], bool] = lambda _: False
        """Whether the breaker of a webhook is half-open."""
        self.foreign_until: dict[str, int] = {}
        self.until = {"outage": 0, "crawl": 0}
        self.request_of: WeakKeyDictionary[greenlet, Request] = WeakKeyDictionary()
        """The latest of each activity."""

    @property
    def posted(self) -> list[tuple[str, int, bool]]:
        """What is in all channels: name, when it was posted, and whether it says that it may be there twice."""
        return [(each.name, each.at, each.is_marked) for channel in self.channels.values() for each in channel.posted]

    def get_webhook(self, webhook: Webhook) -> WebhookInfo:
        """As ``DiscordClient``."""
        self.look_ups += 1
        self._scheduler.pause(self._chance(0.02, 0.2))
        outcome: Outcome = Delivered(None, None)
        if self._scheduler.now < self.until["outage"]:
            outcome = Failed(Reason.BAD_GATEWAY)
        found = isinstance(outcome, Delivered)
        answer = Answer(outcome, None, 200 if found else 502)
        return WebhookInfo(answer, f"2{webhook.id[1:]}" if found else None, "3" if found else None, "Fake")

    def execute(self, webhook: Webhook, payload: Payload) -> Answer:
        """As ``DiscordClient``."""
        return self._request(webhook, payload, None)

    def _request(self, webhook: Webhook, payload: Payload, message_id: str | None) -> Answer:
        process, channel, number = self._scheduler.here(), self.channels[webhook.id], self.requests
        self.requests += 1
        what, amount = self._fault_of(number)
        if what:
            self.note(f"{process.name}: the answer of Discord will be {what.replace('_', ' ')}")
        request = Request(self._scheduler.now, process, is_probe=self.is_probing(webhook.id))
        self.request_of[getcurrent()] = request
        if what == STOPS:
            process.paused_until = max(process.paused_until, self._scheduler.now + round(amount * SECOND))
        way = self._chance(0.01, 0.1)
        late = HANG_SECONDS if what in HANGS else self._chance(0.02, 0.4) + (amount if what == "slow" else 0)
        if self._scheduler.now < self.until["crawl"]:
            late += self._chance(*CRAWL_SECONDS)
        answers: list[Answer] = []

        def arrive() -> None:  # whatever has become of its worker by then
            request.at = self._scheduler.now
            self._look(webhook, channel, request)
            channel.under_way.append(request)
            answers.append(self._arrive(webhook, channel, payload, request, what, amount, message_id))

        self._scheduler.spawn(self._process, arrive, way)
        self._scheduler.pause(way + late)
        request.answered = not isinstance(answers[0].outcome, Unknown)
        channel.under_way.remove(request)
        return answers[0]

    def edit(self, webhook: Webhook, message_id: str, payload: Payload, thread_id: str | None) -> Answer:
        """As ``DiscordClient``."""
        return self._request(webhook, payload, message_id)

    delete = edit

    def _look(self, webhook: Webhook, channel: Channel, request: Request) -> None:
        others = [each for each in channel.under_way if not each.by.dead and each.is_probe >= request.is_probe]
        most = 0 if request.is_probe else len(OUTBOXES[webhook.id]) - 1
        if len(others) > most:
            told = ", ".join(f"{each.by.name} since {each.at / SECOND:.3f}" for each in others)
            self.at_once.append(f"{request.at / SECOND:.3f} {webhook.id}: {request.by.name} beside {told}")

    def _arrive(
        self,
        webhook: Webhook,
        channel: Channel,
        payload: Payload,
        request: Request,
        what: str,
        amount: float,
        message_id: str | None,
    ) -> Answer:
        now = self._scheduler.now
        if what in NEVER_ARRIVES:
            return NEVER_ARRIVES[what]
        if now < self.until["outage"]:
            return NOT_TAKEN["bad_gateway"](0)
        if what in NOT_TAKEN:
            return NOT_TAKEN[what](amount)
        if what == "limited":
            self.foreign_until[webhook.id] = now + round(amount * SECOND)
        if now < self.foreign_until.get(webhook.id, 0):
            left = (self.foreign_until[webhook.id] - now) / SECOND
            return Answer(Deferred(left, Reason.RATE_LIMITED), RateLimitInfo(BUCKET, 0, left), 429)
        info = self._count(webhook, channel, now)
        if info is None:
            return Answer(Deferred(1.0, Reason.RATE_LIMITED), None, 429)
        if outcome := _refused(channel, payload, message_id):
            return Answer(outcome, info, 400)
        for _ in range(2 if what == "twice" else 1):
            stored_as = self._store(channel, payload, request, message_id)
        return LOSES_ITS_ANSWER.get(what) or Answer(Delivered(stored_as, f"2{webhook.id[1:]}"), info, 200)

    def _store(self, channel: Channel, payload: Payload, request: Request, message_id: str | None) -> str:
        embeds = payload.body["embeds"]
        if message_id is None:
            message_id = f"{next(self._ids)}"
            for embed in embeds:
                is_marked = MARK in str(embed)
                channel.posted.append(Posted(name_of(embed), self._scheduler.now, is_marked, request))
        channel.messages[message_id] = embeds
        channel.shown.append((message_id, embeds))
        return message_id

    def _count(self, webhook: Webhook, channel: Channel, now: int) -> RateLimitInfo | None:
        """What the headers say; None if the request is one too many."""
        while channel.times and channel.times[0] <= now - MINUTE:
            channel.times.popleft()
        if len(channel.times) >= CHANNEL:
            self.limited.append(f"{now / SECOND:.3f} {webhook.id}: more than {CHANNEL} in a minute")
            return None
        free_at = self._sliding_until(channel, now) if self._sliding else self._period_until(channel, now)
        if free_at is None:
            self.limited.append(f"{now / SECOND:.3f} {webhook.id}: more than {BUCKET} in {PERIOD / SECOND:g} s")
            return None
        channel.times.append(now)
        used = -(-(free_at - now) // STEP) if self._sliding else channel.made
        left = (free_at - now) / SECOND
        return RateLimitInfo(BUCKET, BUCKET - used, left, (EPOCH + free_at) / SECOND, "bucket")

    @staticmethod
    def _sliding_until(channel: Channel, now: int) -> int | None:
        """When all requests are back, each of which comes back on its own; None if none is left."""
        free_at = max(channel.free_at, now) + STEP
        if free_at - now > PERIOD:
            return None
        channel.free_at = free_at
        return free_at

    @staticmethod
    def _period_until(channel: Channel, now: int) -> int | None:
        """When the period under way ends, and all are back at once; None if none is left."""
        if now >= channel.free_at:
            channel.free_at, channel.made = now + PERIOD, 0
        if channel.made >= BUCKET:
            return None
        channel.made += 1
        return channel.free_at


def name_of(embed: dict[str, Any]) -> str:
    """Which alert, or incident, an embed shows."""
    title: str = embed["title"]
    return title.removeprefix(RESOLVED_MARK).split()[0]


def _refused(channel: Channel, payload: Payload, message_id: str | None) -> Rejected | None:
    refused = [place for place, embed in enumerate(payload.body["embeds"]) if "refused" in embed["title"]]
    if refused:
        return Rejected(Reason.INVALID_PAYLOAD, "refused", frozenset((place, "") for place in refused))
    if message_id is not None and message_id not in channel.messages:
        return Rejected(Reason.CLIENT_ERROR, "10008")
    return None
