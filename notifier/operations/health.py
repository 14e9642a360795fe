"""Everything that ``notifier check`` looks at, and what of it is wrong."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import redis

from notifier.counting import counted
from notifier.errors import BrokerUnavailable
from notifier.models import AlertType
from notifier.operations.checks import CheckReport, WebhookCheck
from notifier.operations.outboxes import OutboxState, outboxes
from notifier.operations.overview import count_dead, count_unreadable
from notifier.operations.redis_server import RedisServer, read_server
from notifier.operations.spool_state import SpoolState
from notifier.storage.keys import Keys

GONE = {
    "webhook_unknown": "it was deleted, or never was: put the URL of one that is there into {variable} of every worker",
    "webhook_token_invalid": "the end of its URL is wrong: copy it anew from Discord into {variable} of every worker",
    "webhook_quarantined": "Discord did not know this URL: put the right one into {variable} of every worker, and"
    " restart them; if it is right, `notifier gate reset {alert_type}`",
}
"""What to do, by reason."""
BREAKER = ": Discord failed several times in a row; nothing is lost, one request at a time tries until one succeeds"


@dataclass(frozen=True, slots=True)
class Seen:
    """What is in Redis; empty while it is away.

    Attributes:
        server: what it says of itself.
        dead: how many dead letters there are, by type.
        unreadable: how many entries of queues are set aside.
    """

    server: RedisServer | None = None
    outboxes: Sequence[OutboxState] = ()
    dead: Mapping[AlertType, int] = field(default_factory=dict)
    unreadable: int = 0


def seen(client: "redis.Redis", keys: Keys, address: str) -> Seen:
    """Look into a Redis that answered a moment ago."""
    try:
        server = read_server(client, address)
        return Seen(server, outboxes(client, keys), count_dead(client, keys), count_unreadable(client, keys))
    except BrokerUnavailable:  # the report says so, or why
        return Seen()


@dataclass(frozen=True, slots=True)
class Health:
    """What was found.

    Attributes:
        report: Redis, webhooks and workers.
        templates: what is wrong with templates, in words, by name.
        settings: what is dangerous or set in vain, in words.
        per_minute: DISCORD_RATE_LIMIT.
    """

    report: CheckReport
    seen: Seen
    spool: SpoolState | None
    templates: Mapping[str, str]
    settings: Sequence[str]
    per_minute: int

    @property
    def problems(self) -> list[str]:
        """What keeps alerts from being delivered now, in words; none: all is well."""
        return [*self._of_redis(), *self._of_webhooks(), *self._of_workers(), *self._of_outboxes(), *self._of_files()]

    def _of_redis(self) -> Iterator[str]:
        if self.report.redis is not None:
            yield self.report.redis

    def _of_webhooks(self) -> Iterator[str]:
        configured = [each for each in self.report.webhooks if each.configured]
        if not configured:
            yield "No webhook is configured here: set DISCORD_WEBHOOK_GENERAL, for a start"
        for each in configured:
            if each.webhook_id is None and each.wrong is not None:
                yield each.wrong  # it names the variable
            elif each.problem is not None:
                yield f"Webhook {each.webhook_id} for {each.partition}: {each.wrong or _said(each)}"
            elif each.holds:
                todo = BREAKER if each.breaker not in (None, "closed") else ""
                yield f"Webhook {each.webhook_id} for {each.partition}: {'; '.join(each.holds)}{todo}"
        for fault in self.report.machines:
            yield f"The worker's machine {fault.machine} cannot reach Discord: {fault.reason}: {fault.detail}"

    def _of_workers(self) -> Iterator[str]:
        if unserved := self.report.unserved:
            which = ", ".join(unserved) if self.report.fleet else "any type"
            yield f"No worker delivers alerts of {which}; they wait until one is started: celery -A notifier worker"
        if self.report.disagreements:
            which = ", ".join(self.report.disagreements)
            yield f"Workers hold different webhooks for {which}: the newest one delivers"

    def _of_outboxes(self) -> Iterator[str]:
        for each in self.seen.outboxes:
            if each.stuck_since is not None:
                yield (
                    f"The outbox of {each.alert_type} does not move, with {counted(each.waiting, 'alert')} in it:"
                    f" nothing has come for it since {each.stuck_since[:19]} UTC ({each.why})"
                )

    def _of_files(self) -> Iterator[str]:
        if self.spool is not None and self.spool.problem is not None:
            yield self.spool.problem
        yield from (f"Template {each}" for each in self.templates.values())

    @property
    def warnings(self) -> list[str]:
        """What somebody should know, in words."""
        found = [*self.report.redis_warnings, *(self.seen.server.warnings if self.seen.server else ())]
        found += [f"{each.variable} is not set" for each in self.report.webhooks if not each.configured]
        found += _shared(self.report, self.per_minute)
        if dead := {kind: count for kind, count in self.seen.dead.items() if count}:
            which = ", ".join(f"{count} of {kind}" for kind, count in dead.items())
            found.append(f"Alerts could not be delivered: {which}; see `notifier dead list`")
        if self.seen.unreadable:
            found.append(f"Entries of queues could not be read: {self.seen.unreadable}; see `notifier dead unreadable`")
        if self.spool is not None and self.spool.count:
            found.append(f"Alerts wait on this machine's disk: {self.spool.count}; see `notifier spool list`")
        return [*found, *self.settings]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        report, problems = self.report, self.problems
        return {
            "ok": not problems,
            "problems": problems,
            "warnings": self.warnings,
            "valid": report.valid,
            "healthy": report.healthy,
            "redis": {
                "ok": report.redis is None,
                "problem": report.redis,
                "warnings": [*report.redis_warnings, *(self.seen.server.warnings if self.seen.server else ())],
                **(asdict(self.seen.server) if self.seen.server else {}),
            },
            "settings": {"ok": True, "warnings": list(self.settings)},
            "webhooks": [{**asdict(each), "holds": each.holds} for each in report.webhooks],
            "workers": [{**asdict(each.holding), "problem": each.problem} for each in report.fleet],
            "disagreements": report.disagreements,
            "unserved": report.unserved,
            "machines": [asdict(each) for each in report.machines],
            "outboxes": [asdict(each) for each in self.seen.outboxes],
            "dead_letters": dict(self.seen.dead),
            "unreadable": self.seen.unreadable,
            "spool": asdict(self.spool) if self.spool else None,
            "templates": dict(self.templates),
        }


def _said(check: WebhookCheck) -> str:
    """Its reason, and what to do."""
    todo = GONE.get(str(check.problem), "").format(variable=check.variable, alert_type=check.partition)
    return f"{check.problem}: {todo}" if todo else str(check.problem)


def _shared(report: CheckReport, per_minute: int) -> Iterator[str]:
    """Which types share a limit of Discord's, in words."""
    of_webhook, of_channel = defaultdict(list), defaultdict(list)
    for each in report.webhooks:
        if each.webhook_id is not None:
            of_webhook[each.webhook_id].append(each.partition)
            of_channel[each.channel_id].append(each)
    for webhook_id, kinds in of_webhook.items():
        if len(kinds) > 1:
            yield f"{' and '.join(kinds)} have one webhook, {webhook_id}: they share its limit of {per_minute} a minute"
    for channel_id, found in of_channel.items():
        if channel_id and len({each.webhook_id for each in found}) > 1:
            names = " and ".join(each.partition for each in found)
            yield f"{names} post to one channel, {channel_id}: they share its 30 messages a minute"
