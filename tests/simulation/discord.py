"""The Discord of the simulation: what it has stored, and how it answers. It counts as Discord does."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from greenlet import getcurrent, greenlet

from notifier.outcome import (
    QUARANTINING,
    Answer,
    Deferred,
    Delivered,
    RateLimitInfo,
    Reason,
    Rejected,
    Unknown,
    WebhookInfo,
)
from notifier.render.batch import Payload
from notifier.routing import Partition
from notifier.webhook import Webhook
from tests.simulation.answers import (
    ENDS_THE_WEBHOOK,
    HANG_SECONDS,
    HANGS,
    LOSES_ITS_ANSWER,
    NEVER_ARRIVES,
    NOT_TAKEN,
    refused,
    said,
)
from tests.simulation.embeds import file_of, name_of, names_of, titles_of
from tests.simulation.limits import BUCKET, Limits
from tests.simulation.pauses import Pauses
from tests.simulation.plan import ORNAMENTS, STOPS
from tests.simulation.posts import Posted, Posts, Request
from tests.simulation.scheduler import SECOND, Process, Scheduler
from tests.simulation.webhooks import channel_of

MARK = "may be a duplicate"
CRAWL_SECONDS = (3.0, 9.0)
"""How much longer an answer takes while Discord crawls: less than what a worker waits for it."""


class SimulatedDiscord:
    """Stands for ``DiscordClient`` in each worker.

    Args:
        fault_of: what happens to the ``answer`` or ``look_up`` of this number, and how much of it; '' if nothing does.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        chance: Callable[[float, float], float],
        fault_of: Callable[[str, int], tuple[str, float]],
        *,
        sliding: bool,
    ) -> None:
        self._scheduler = scheduler
        self._chance = chance
        self._fault_of = fault_of
        self.webhooks: defaultdict[str, Posts] = defaultdict(Posts)
        self.limits = Limits(sliding=sliding)
        self.shown: list[tuple[str, str, dict[str, Any]]] = []
        """What each message has shown first, by its id, with the name of it, in the order in which it did."""
        self.requests = self.look_ups = 0
        self._ids = count(900)
        self._process = Process("network")
        self.note: Callable[[str], object] = print
        self.at_once: list[str] = []
        """Requests that were made while another one of the same outbox was under way, in words."""
        self.is_probing: Callable[[str], bool] = lambda _: False
        """Whether the breaker of a webhook is half-open."""
        self.foreign_until: dict[str, int] = {}
        self.until = {"outage": 0, "crawl": 0}
        self.request_of: WeakKeyDictionary[greenlet, Request] = WeakKeyDictionary()
        """The latest of each activity."""
        self.claims: WeakKeyDictionary[greenlet, tuple[Partition, int]] = WeakKeyDictionary()
        """Whose alerts each activity has claimed last, and when that began."""
        self.deleted: set[str] = set()
        """The ids of messages that somebody has deleted."""
        self.gone_known: dict[str, int] = {}
        """Since when that is stored, by the id of the webhook."""
        self.pauses = Pauses()
        self.in_vain: list[str] = []
        """Requests to such ones, in words."""

    @property
    def posted(self) -> list[tuple[str, int, bool]]:
        """What is in all channels: name, when it was posted, and whether it says that it may be there twice."""
        return [(each.name, each.at, each.is_marked) for webhook in self.webhooks.values() for each in webhook.posted]

    @property
    def gone(self) -> set[str]:
        """Ids of webhooks that are no more."""
        return {webhook for webhook, posts in self.webhooks.items() if posts.ended_by}

    def get_webhook(self, webhook: Webhook) -> WebhookInfo:
        """As ``DiscordClient``."""
        what, amount = self._fault_of("look_up", self.look_ups)
        self.look_ups += 1
        self._scheduler.pause(self._chance(0.02, 0.2) + (amount if what == "slow" else 0))
        answer = self._answer_to_a_look_up(self.webhooks[webhook.id], what, amount)
        if what:
            told = what.replace("_", " ")
            self.note(f"{self._scheduler.here().name}: the answer of Discord to a look-up is {told}")
        found = isinstance(answer.outcome, Delivered)
        return WebhookInfo(answer, channel_of(webhook) if found else None, "3" if found else None, "Fake")

    def _answer_to_a_look_up(self, posts: Posts, what: str, amount: float) -> Answer:
        if what in NEVER_ARRIVES:
            return NEVER_ARRIVES[what]()
        if self._scheduler.now < self.until["outage"]:
            return NOT_TAKEN["bad_gateway"](0)
        return self._not_taken(posts, what, amount) or Answer(Delivered(None, None), None, 200)

    def _not_taken(self, posts: Posts, what: str, amount: float) -> Answer | None:
        if what in ENDS_THE_WEBHOOK and not posts.ended_by:
            posts.ended_by = what
        what = posts.ended_by or what
        return NOT_TAKEN[what](amount) if what in NOT_TAKEN else None

    def execute(self, webhook: Webhook, payload: Payload) -> Answer:
        """As ``DiscordClient``."""
        return self._request(webhook, payload, None)

    def _request(
        self, webhook: Webhook, payload: Payload, message_id: str | None, thread_id: str | None = None
    ) -> Answer:
        process, posts, number = self._scheduler.here(), self.webhooks[webhook.id], self.requests
        self.requests += 1
        what, amount = self._fault_of("answer", number)
        if what:
            self.note(f"{process.name}: the answer of Discord will be {what.replace('_', ' ')}")
        now, claim = self._scheduler.now, self.claims[getcurrent()]
        request = Request(now, process, now, webhook.id, *claim, is_probe=self.is_probing(webhook.id))
        self.request_of[getcurrent()] = request
        if request.claimed_from > self.gone_known.get(webhook.id, request.claimed_from):
            self.in_vain.append(f"{now / SECOND:.3f} {webhook.id}: {process.name} asks it although it is gone")
        self.pauses.look(webhook.id, request.claimed_from, f"{now / SECOND:.3f} {process.name}")
        if what == STOPS:
            process.paused_until = max(process.paused_until, self._scheduler.now + round(amount * SECOND))
        way = self._chance(0.01, 0.1)
        late = HANG_SECONDS if what in HANGS else self._chance(0.02, 0.4) + (amount if what == "slow" else 0)
        if self._scheduler.now < self.until["crawl"]:
            late += self._chance(*CRAWL_SECONDS)
        answers: list[Answer] = []

        def arrive() -> None:  # whatever has become of its worker by then
            request.at = self._scheduler.now
            self._look(request)
            posts.under_way.append(request)
            answers.append(self._arrive(webhook, payload, request, what, amount, message_id, thread_id))

        self._scheduler.spawn(self._process, arrive, way)
        self._scheduler.pause(way + late)
        request.answered = not isinstance(answers[0].outcome, Unknown)
        request.answer = answers[0]
        posts.under_way.remove(request)
        return answers[0]

    def committed(self, request: Request) -> None:
        """A worker has stored the answer to it."""
        now = request.committed_at = self._scheduler.now
        if request.answer:
            self.pauses.store(request.answer, request.webhook, request.at, now)
            self._learned(request.answer, request.webhook)

    def looked_up(self, webhook: Webhook, info: WebhookInfo, at: int) -> None:
        """A worker has stored what it asked for at ``at``. A 429 of that says nothing of posts."""
        self.pauses.store(info.answer, "", at, self._scheduler.now)
        self._learned(info.answer, webhook.id)

    def _learned(self, answer: Answer, webhook: str) -> None:
        if isinstance(answer.outcome, Rejected) and answer.outcome.reason in QUARANTINING:
            self.gone_known.setdefault(webhook, self._scheduler.now)

    def edit(self, webhook: Webhook, message_id: str, payload: Payload, thread_id: str | None) -> Answer:
        """As ``DiscordClient``."""
        return self._request(webhook, payload, message_id, thread_id)

    delete = edit

    def _look(self, request: Request) -> None:
        """One request of an outbox is under way at a time, whichever webhook takes it, and one probe of a webhook."""
        living = [each for posts in self.webhooks.values() for each in posts.under_way if not each.by.dead]
        if request.is_probe:
            others = [each for each in living if each.is_probe and each.webhook == request.webhook]
        else:
            others = [each for each in living if each.outbox == request.outbox]
        if others:
            told = ", ".join(f"{each.by.name} since {each.at / SECOND:.3f}" for each in others)
            self.at_once.append(f"{request.at / SECOND:.3f} {request.webhook}: {request.by.name} beside {told}")

    def _arrive(
        self,
        webhook: Webhook,
        payload: Payload,
        request: Request,
        what: str,
        amount: float,
        message_id: str | None,
        thread_id: str | None,
    ) -> Answer:
        now, posts = self._scheduler.now, self.webhooks[webhook.id]
        if what in NEVER_ARRIVES:
            return NEVER_ARRIVES[what]()
        if now < self.until["outage"]:
            return NOT_TAKEN["bad_gateway"](0)
        if answer := self._not_taken(posts, what, amount):
            self._forget_thread(posts, what, (message_id, thread_id))
            return answer
        if what == "limited":
            self.foreign_until[webhook.id] = now + round(amount * SECOND)
        self._change(posts, what)
        info = self._count(webhook, posts, now)
        if isinstance(info, Answer):
            return info
        if answer := _refused(posts, payload, message_id, thread_id):
            return replace(answer, rate_limit=info)
        for _ in range(2 if what == "twice" else 1):
            stored_as = self._store(posts, payload, request, message_id)
        if what in LOSES_ITS_ANSWER:
            return LOSES_ITS_ANSWER[what]()
        return Answer(Delivered(stored_as, posts.threads.get(stored_as, channel_of(webhook))), info, 200)

    def _change(self, posts: Posts, what: str) -> None:
        """What people do with the channel just before a request."""
        posts.is_forum ^= what == "moved"
        if what == "cleared":
            self._delete(posts, [*posts.messages])

    def _forget_thread(self, posts: Posts, what: str, ids: tuple[str | None, str | None]) -> None:
        """The message that a request is about is gone with its thread, if that is the answer."""
        if what == "thread_gone":
            self._delete(posts, [each for each in posts.messages if each in ids or posts.threads.get(each, "") in ids])

    def _delete(self, posts: Posts, message_ids: Iterable[str]) -> None:
        for each in message_ids:
            self.deleted.add(each)
            del posts.messages[each]

    def _count(self, webhook: Webhook, posts: Posts, now: int) -> RateLimitInfo | Answer:
        """What the headers say of a request that Discord takes, or its 429."""
        if now < self.foreign_until.get(webhook.id, 0):
            left = (self.foreign_until[webhook.id] - now) / SECOND
            all_back = max(left, (posts.free_at - now) / SECOND)  # those that others took, and ours
            info = RateLimitInfo(BUCKET, 0, all_back) if self.requests % 2 else None  # headers, if any
            return Answer(Deferred(left, Reason.RATE_LIMITED), info, 429)
        return self.limits.count(webhook, posts, now) or Answer(Deferred(1.0, Reason.RATE_LIMITED), None, 429)

    def _store(self, posts: Posts, payload: Payload, request: Request, message_id: str | None) -> str:
        embeds, file = payload.body["embeds"], file_of(payload)
        if message_id is None:
            message_id, now = f"{next(self._ids)}", self._scheduler.now
            for embed in embeds:
                marked = MARK in str(embed)
                posts.posted += [Posted(name, now, marked, request, message_id) for name in names_of(embed, file)]
            if posts.is_forum:
                posts.threads[message_id] = f"3{message_id}"
        posts.messages[message_id] = embeds
        self.shown.append((message_id, name_of(embeds[0], file), embeds[0]))
        return message_id


def _refused(posts: Posts, payload: Payload, message_id: str | None, thread_id: str | None) -> Answer | None:
    if message_id is None and posts.is_forum != ("thread_name" in payload.body):
        return refused(220001 if posts.is_forum else 220003)
    if message_id is not None and (message_id not in posts.messages or posts.threads.get(message_id) != thread_id):
        return refused(10008, 404)
    named: dict[str, Any] = {}
    for place, embed in enumerate(payload.body["embeds"]):
        if any("refused" in title for title in titles_of(embed, file_of(payload))):
            named[f"{place}"] = {"description": ERRORS}
        elif embed.get("image", {}).get("url") == ORNAMENTS["image"]:
            named[f"{place}"] = {"image": {"url": ERRORS}}
    errors: dict[str, Any] = {"embeds": named} if named else {}
    if not named and payload.body.get("username") == ORNAMENTS["username"]:
        errors["username"] = ERRORS
    return said(400, {"code": 50035, "message": "Invalid Form Body", "errors": errors}) if errors else None


ERRORS = {"_errors": [{"code": "BASE_TYPE_INVALID", "message": "is refused"}]}
"""What Discord says of a part that it does not take."""
