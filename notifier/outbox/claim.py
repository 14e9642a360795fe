"""The request of a claim, and its possible answers."""

import json
import uuid
from dataclasses import dataclass
from typing import Any, Self

from notifier.models import AlertType, NotificationMessage
from notifier.outbox.batch_item import THREAD_NAME, BatchItem
from notifier.outbox.collecting import collected_of
from notifier.outbox.incident import incident_of
from notifier.outbox.payload import read
from notifier.outbox.progress import progress_of
from notifier.outbox.quiet import SILENT
from notifier.outcome import Reason
from notifier.render.collected import Collected
from notifier.routing import Partition
from notifier.webhook import Webhook

LEAVE_SECONDS = 3_600
"""Ours: how long an alert that a worker could not read is left to others; a fleet is upgraded within that time."""


@dataclass(frozen=True, slots=True)
class WakeUp:
    """A dispatch to be sent for an outbox, due in ``wait_seconds``; the token distinguishes it from older ones."""

    alert_type: AlertType
    token: str
    wait_seconds: float


def new_token(partition: int) -> str:
    """Of a batch or a wake-up; it says of which partition, so that a wake-up finds it."""
    return uuid.uuid4().hex + (f".{partition}" if partition else "")


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Who claims: the delivery task of one notification, or a wake-up. ``partition``: for which one of its type."""

    alert_type: AlertType
    notification_id: str = ""
    wake_up: str = ""
    partition: int = 0

    @classmethod
    def of_wake_up(cls, alert_type: AlertType, token: str) -> Self:
        """That of a wake-up."""
        number = token.partition(".")[2]
        return cls(alert_type, wake_up=token, partition=int(number) if number.isdecimal() else 0)

    @property
    def outbox(self) -> Partition:
        """Whose outbox it is about."""
        return Partition(self.alert_type, self.partition)


@dataclass(frozen=True, slots=True)
class HeldBack:
    """This worker's machine cannot reach Discord: it makes no request for so long, because of ``reason``."""

    seconds: float
    reason: Reason


@dataclass(frozen=True, slots=True)
class NotFound:
    """The notification was never admitted."""


@dataclass(frozen=True, slots=True)
class Empty:
    """Nothing waits."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The notification has its record already."""


@dataclass(frozen=True, slots=True)
class Throttled:
    """No request may go now; if ``wake_up`` is set, this caller sends it."""

    wait_seconds: float
    reason: Reason
    wake_up: WakeUp | None


@dataclass(frozen=True, slots=True)
class FetchWebhook:
    """The webhook's channel is not known yet: ask Discord, then claim again. ``claimed_at``: Redis' clock."""

    webhook: Webhook
    token: str
    claimed_at: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What rides in one request, leased to this caller.

    ``blocked``: no request may be made for these (the webhook is not configured, or quarantined).
    ``abandoned``: their worker died with the request under way; its answer is lost.
    ``left_behind``: how many of a later version wait there, for workers that can read them.
    ``pinged_lately``: the types whose configured mentions have. ``pinging``: those whose mentions it carries.
    ``silent``: its request makes no sound, for these are quiet hours.
    ``left_out``: ids of webhooks of the type that are quarantined, so that ``webhook`` takes their place.
    """

    alert_type: AlertType
    token: str
    claimed_at: int
    webhook: Webhook | None
    guild_id: str | None
    items: tuple[BatchItem, ...]
    blocked: Reason | None = None
    abandoned: bool = False
    left_behind: int = 0
    pinged_lately: frozenset[AlertType] = frozenset()
    pinging: tuple[AlertType, ...] = ()
    silent: bool = False
    partition: int = 0
    left_out: tuple[str, ...] = ()

    @property
    def outbox(self) -> Partition:
        """Whose outbox it comes from."""
        return Partition(self.alert_type, self.partition)

    @property
    def collected(self) -> Collected | None:
        """What its notifications were collected by, if they go as one message; None for any other batch."""
        if self.blocked or self.abandoned or not self.items[1:]:
            return None
        return collected_of(self.items)

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Ids of those whose stored message this version cannot read."""
        return tuple(item.message.id for item in self.items if item.unreadable)

    @property
    def messages(self) -> list[NotificationMessage]:
        """What the request carries of each, in order. Those of another type lose their thread: it is not there."""
        parts = [(item.part, self._update(item)) for item in self.items]
        return [part.model_copy(update=update) if update else part for part, update in parts]

    def _update(self, item: BatchItem) -> dict[str, Any]:
        is_there = item.message.alert_type is self.alert_type or item.news
        return ({} if is_there else {"thread_id": None}) | (SILENT if self.silent else {})


Claim = NotFound | Empty | Completed | Throttled | FetchWebhook | Batch


def batch_of(kind: str, outbox: Partition, token: str, webhook: Webhook | None, rest: list[Any]) -> Batch:
    """Read the answer of claim.lua."""
    alert_type = outbox.alert_type
    now, reason, guild_id, left_behind, forum, pinged, *flat = rest
    lately: list[str] = json.loads(pinged)
    return Batch(
        alert_type,
        token,
        now,
        webhook,
        guild_id or None,
        tuple(_item(alert_type, each, is_forum=forum == "1") for each in zip(*[iter(flat)] * 13, strict=True)),
        blocked=Reason(reason) if kind == "blocked" else None,
        abandoned=kind == "abandoned",
        left_behind=left_behind,
        pinged_lately=frozenset(kind for kind in AlertType if kind in lately) if lately else frozenset(),
        partition=outbox.number,
    )


def _item(alert_type: AlertType, fields: tuple[str, ...], *, is_forum: bool) -> BatchItem:
    notification_id, text, attempts, admitted_at, unknown, waited, not_before, version, progress, *more = fields
    message, unreadable = read(notification_id, alert_type, text, int(version))
    spells: dict[str, float] = {} if waited == "{}" else json.loads(waited)
    longest = max(spells, key=lambda reason: spells[reason], default="")
    times = int(float(admitted_at)), bool(unknown), longest, int(float(not_before))
    known = progress_of(progress)
    if is_forum and THREAD_NAME not in known.left_out:
        known = known._replace(in_forum=True)
    incident, overlay, collected_for, trace = more
    return BatchItem(
        *(message, int(attempts), *times, unreadable, known),
        incident=incident_of(incident, overlay),
        collected_for=collected_for,
        trace=trace,
    )
