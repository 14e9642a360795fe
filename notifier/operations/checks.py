"""Checks of the configuration: Redis, and one GET per webhook. Nothing is posted."""

import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import redis

from notifier.discord import DiscordClient
from notifier.errors import BrokerUnavailable, ConfigurationError
from notifier.gate.admin import Gate, Reservation
from notifier.gate.machines import MachineFault
from notifier.gate.state import Closed, Pause
from notifier.models import AlertType
from notifier.outbox.fleet import Holding, disagreements
from notifier.outcome import FAULTS, Deferred, Delivered, Fault, Outcome, Reason, WebhookInfo
from notifier.routing import ROUTES, Partition
from notifier.storage.connection import broker_errors
from notifier.storage.retention import Findings
from notifier.webhook import Webhook

FRESH_SECONDS = 5
"""Ours: an answer younger than this is used again: checks must not use up the rate limit of alerts."""
PATIENCE_SECONDS = 3
"""Ours: how long a check waits until it may ask; the longest period of a bucket that was seen is 2 s, and a margin."""


@dataclass(frozen=True, slots=True)
class WebhookCheck:
    """What a webhook of an alert type answered. ``number``: which one of the type's, from 0.

    ``problem``: a reason word; None if it works. ``wrong``: what is wrong with the variable, or with what lies between
    here and Discord, in words. ``pauses``: what holds its alerts back because Discord said
    so.
    """

    alert_type: AlertType
    variable: str
    webhook_id: str | None = None
    name: str | None = None
    channel_id: str | None = None
    problem: str | None = None
    breaker: str | None = None
    wrong: str | None = None
    pauses: tuple[Pause, ...] = ()
    closed: Closed | None = None
    number: int = 0

    @property
    def partition(self) -> str:
        """The alert type; of one that has several webhooks, which one of them as well."""
        return str(Partition(self.alert_type, self.number))

    @property
    def holds(self) -> list[str]:
        """What holds its alerts back, in words: who has closed its gate, a breaker, and pauses."""
        breaker = [] if self.breaker in (None, "closed") else [f"circuit breaker {self.breaker}"]
        return [*([f"gate {self.closed}"] if self.closed else []), *breaker, *map(str, self.pauses)]

    @property
    def configured(self) -> bool:
        """Whether the variable of this type is set at all."""
        return self.webhook_id is not None or self.wrong is not None


@dataclass(frozen=True, slots=True)
class WorkerCheck:
    """What one living worker holds for one alert type. ``problem``: a reason word; None if it can deliver."""

    holding: Holding
    problem: str | None


@dataclass(frozen=True, slots=True)
class CheckReport:
    """The result of a check.

    ``redis``: the problem in words; None if Redis answers, and keeps what it is given. ``machines``: those whose
    workers cannot reach Discord. ``fleet``: what each living worker holds.
    """

    redis: str | None
    webhooks: tuple[WebhookCheck, ...]
    redis_warnings: tuple[str, ...] = ()
    machines: tuple[MachineFault, ...] = ()
    fleet: tuple[WorkerCheck, ...] = ()

    @property
    def disagreements(self) -> tuple[AlertType, ...]:
        """The types for which not all workers hold the same webhook URL; all the same they are delivered."""
        return tuple(disagreements([each.holding for each in self.fleet]))

    @property
    def unserved(self) -> tuple[AlertType, ...]:
        """The types with a webhook here whose queue no living worker reads. Without Redis nobody knows: none."""
        served = {each.holding.alert_type for each in self.fleet}
        asked = [each.alert_type for each in self.webhooks if each.configured and self.redis is None]
        return tuple(kind for kind in asked if kind not in served)

    @property
    def valid(self) -> bool:
        """At least one webhook is configured, and each that is answers."""
        configured = [check for check in self.webhooks if check.configured]
        return bool(configured) and all(check.problem is None for check in configured)

    @property
    def healthy(self) -> bool:
        """Redis and each webhook answer, no breaker and no pause holds one back, every machine reaches Discord."""
        return (
            self.redis is None
            and not self.machines
            and all(check.problem is None and not check.holds for check in self.webhooks if check.configured)
        )


class LastAnswers:
    """Asks for webhooks while Redis is away: each at most once in ``FRESH_SECONDS``, for no other process is known of.

    That is far below a third of what Discord takes (5 in 2 s), and what a 429 asks for is waited for. Threads may
    share it.
    """

    def __init__(self, discord: DiscordClient) -> None:
        self._discord = discord
        self._asking: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._found: dict[str, tuple[float, WebhookInfo]] = {}

    def get_webhook(self, webhook: Webhook) -> WebhookInfo:
        """What Discord answers, or has answered lately."""
        with self._asking[webhook.fingerprint]:
            fresh_until, info = self._found.get(webhook.fingerprint, (0.0, None))
            if info is None or time.monotonic() >= fresh_until:
                info = self._discord.get_webhook(webhook)
                outcome = info.answer.outcome
                wait = outcome.wait_seconds if isinstance(outcome, Deferred) else 0.0
                self._found[webhook.fingerprint] = time.monotonic() + max(FRESH_SECONDS, wait), info
            return info


def check(
    client: "redis.Redis",
    gates: Gate,
    discord: DiscordClient,
    webhooks: Mapping[AlertType, Webhook],
    wrong: Mapping[AlertType, str] | None = None,
    inspect: Callable[[], Findings] = Findings,
    last_answers: LastAnswers | None = None,
    fleet: Callable[[], Iterable[Holding]] = tuple,
    further: Mapping[AlertType, Sequence[Webhook]] | None = None,
) -> CheckReport:
    """Ask Redis, and each configured webhook once. Skipped: quarantined ones (404s lead to bans) and fresh answers.

    ``last_answers``: those of this process, which count while Redis is away. ``fleet``: reads what the workers hold; it
    is asked if Redis answers. ``further``: the webhooks of a type behind its first.
    """
    problem = _redis_problem(client)
    gate, unusable = (gates if problem is None else None), (wrong or {})
    asked = discord if gate else (last_answers or LastAnswers(discord))
    findings = _findings(inspect) if problem is None else Findings((problem,))
    with ThreadPoolExecutor(max_workers=len(ROUTES)) as pool:
        found = pool.map(
            lambda row: (
                _unusable(row[0].alert_type, unusable[row[0].alert_type])
                if row[0].alert_type in unusable
                else _check_webhook(row[0], row[1], asked, gate)
            ),
            [
                (Partition(kind, number), webhook)
                for kind in ROUTES
                for number, webhook in enumerate((webhooks.get(kind), *(further or {}).get(kind, ())))
            ],
        )
        told = tuple(gate.machines.faults()) if gate else ()
        held = _fleet(fleet(), gate) if gate else ()
        return CheckReport("; ".join(findings.problems) or None, tuple(found), findings.warnings, told, held)


def _fleet(holdings: Iterable[Holding], gate: Gate) -> tuple[WorkerCheck, ...]:
    held = [(each, (each.webhook_id, each.fingerprint)) for each in holdings]
    problems = {url: _problem_of(*url, gate) for url in {url for _, url in held}}  # many workers hold the same
    return tuple(WorkerCheck(each, problems[url]) for each, url in held)


def _problem_of(webhook_id: str, fingerprint: str, gate: Gate) -> str | None:
    if not webhook_id:
        return Reason.WEBHOOK_NOT_CONFIGURED
    gone = gate.quarantine_reason(webhook_id, fingerprint)
    return Reason.WEBHOOK_QUARANTINED if gone else None


def _redis_problem(client: "redis.Redis") -> str | None:
    try:
        with broker_errors():
            client.ping()
    except BrokerUnavailable as error:
        return str(error)
    return None


def _findings(inspect: Callable[[], Findings]) -> Findings:
    try:
        return inspect()
    except BrokerUnavailable as error:
        return Findings((str(error),))


def _unusable(kind: AlertType, wrong: str) -> WebhookCheck:
    variable = ROUTES[kind].webhook_variables[0]
    return WebhookCheck(kind, variable, problem=ConfigurationError.reason, wrong=wrong)


def _check_webhook(
    partition: Partition, webhook: Webhook | None, client: DiscordClient | LastAnswers, gate: Gate | None
) -> WebhookCheck:
    kind, number = partition
    variable = ROUTES[kind].webhook_variables[0]
    if webhook is None:
        return WebhookCheck(kind, variable, problem=Reason.WEBHOOK_NOT_CONFIGURED)
    if gate is None:  # Redis is away: nothing is known
        return _answered(WebhookCheck(kind, variable, webhook.id, number=number), client.get_webhook(webhook))
    state = gate.state(webhook)
    known = WebhookCheck(kind, variable, webhook.id, breaker=state.breaker, pauses=state.pauses, closed=state.closed)
    known = replace(known, number=number)
    if state.quarantined:
        return replace(known, problem=Reason.WEBHOOK_QUARANTINED)
    if state.webhook_fetched_seconds_ago < FRESH_SECONDS and not gate.banned():
        return replace(known, name=state.name, channel_id=state.channel_id)
    token = uuid.uuid4().hex
    reserved = _reserve(gate, webhook, token)
    if reserved.reason is not None:
        return replace(known, problem=reserved.reason)
    info = client.get_webhook(webhook)
    gate.webhook_fetched(webhook, token, reserved.claimed_at, info)
    return _answered(known, info)


def _reserve(gate: Gate, webhook: Webhook, token: str) -> Reservation:
    """Reserve the request; wait if others use up what may be asked now."""
    patience = float(PATIENCE_SECONDS)
    while True:
        reserved = gate.reserve_fetch(webhook, token)
        if reserved.reason is None or reserved.wait_seconds > patience or reserved.reason is Reason.EDGE_BANNED:
            return reserved
        time.sleep(reserved.wait_seconds)
        patience -= reserved.wait_seconds


def _answered(known: WebhookCheck, info: WebhookInfo) -> WebhookCheck:
    outcome = info.answer.outcome
    problem = None if isinstance(outcome, Delivered) else str(outcome.reason)
    return replace(known, name=info.name, channel_id=info.channel_id, problem=problem, wrong=_in_between(outcome))


def _in_between(outcome: Outcome) -> str | None:
    """What is wrong on the way to Discord, in words; None if nothing is known to be."""
    if isinstance(outcome, Delivered) or FAULTS.get(outcome.reason) not in (Fault.MACHINE, Fault.DISCORD):
        return None
    return f"{outcome.reason}: {outcome.detail}" if outcome.detail else None
