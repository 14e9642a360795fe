"""The outcome of one request, as values, and whose fault a failure is."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

# its words: who has to do with outcomes takes both from here; who raises alerts needs the words alone
from notifier.status import NEVER_STORED as NEVER_STORED
from notifier.status import UNDELIVERED as UNDELIVERED
from notifier.status import Reason as Reason
from notifier.status import State as State
from notifier.status import Status as Status


class Fault(StrEnum):
    """Whose fault a failure is, and so what follows from it."""

    ALERT = "alert"
    """Its text or form: what Discord names is rejected, alone."""
    WEBHOOK = "webhook"
    """Another webhook may take the alert. One that is gone is quarantined."""
    DISCORD = "discord"
    """Or of whoever answers in its place: tried again, and the breaker counts it."""
    MACHINE = "machine"
    """The one that this worker runs on: it waits, says so, and ends no alert; other machines go on."""


FAULTS: Mapping[Reason, Fault] = {
    Reason.INVALID_PAYLOAD: Fault.ALERT,
    Reason.INVALID_MESSAGE: Fault.ALERT,
    Reason.TEMPLATE_ERROR: Fault.ALERT,
    Reason.PAYLOAD_TOO_LARGE: Fault.ALERT,
    Reason.CLIENT_ERROR: Fault.ALERT,
    Reason.UNSENDABLE: Fault.ALERT,
    Reason.UNKNOWN_CHANNEL: Fault.WEBHOOK,
    Reason.FORBIDDEN: Fault.WEBHOOK,
    Reason.WEBHOOK_UNKNOWN: Fault.WEBHOOK,
    Reason.WEBHOOK_TOKEN_INVALID: Fault.WEBHOOK,
    Reason.WEBHOOK_QUARANTINED: Fault.WEBHOOK,
    Reason.WEBHOOK_NOT_CONFIGURED: Fault.WEBHOOK,
    Reason.CONNECTION_FAILED: Fault.DISCORD,
    Reason.BAD_GATEWAY: Fault.DISCORD,
    Reason.REDIRECTED: Fault.DISCORD,
    Reason.READ_TIMEOUT: Fault.DISCORD,
    Reason.CONNECTION_LOST: Fault.DISCORD,
    Reason.SERVER_ERROR: Fault.DISCORD,
    Reason.UNEXPECTED_ANSWER: Fault.DISCORD,
    Reason.MACHINE_MISCONFIGURED: Fault.MACHINE,
    Reason.PROXY_FAILED: Fault.MACHINE,
    Reason.CERTIFICATE_NOT_TRUSTED: Fault.MACHINE,
    Reason.NO_NETWORK: Fault.MACHINE,
}
"""Whose fault: one row for each reason of a failure. What is no failure (waits, ends of an alert's own) has none."""

QUARANTINING = frozenset({Reason.WEBHOOK_UNKNOWN, Reason.WEBHOOK_TOKEN_INVALID})
"""Discord's own words for a webhook that is gone."""
FROM_ELSEWHERE = frozenset({Reason.UNEXPECTED_ANSWER, Reason.REDIRECTED, Reason.PROXY_FAILED})
"""Answers that came from something between here and Discord."""


def reasons_of(fault: Fault) -> frozenset[Reason]:
    """The reasons that are its fault."""
    return frozenset(reason for reason, whose in FAULTS.items() if whose is fault)


class Scope(StrEnum):
    """What a wait applies to."""

    WEBHOOK = "webhook"
    CHANNEL = "channel"
    GLOBAL = "global"
    EDGE = "edge"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Delivered:
    """Discord stored the message."""

    message_id: str | None
    channel_id: str | None


@dataclass(frozen=True, slots=True)
class Deferred:
    """Not now. No attempt is spent. ``wait_seconds`` of a fault of this machine is the worker's to choose: 0."""

    wait_seconds: float
    reason: Reason
    scope: Scope = Scope.WEBHOOK
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """Not delivered; may succeed later."""

    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """Will never succeed as it is.

    ``parts``: what Discord's error tree names: the position of an embed (None: no embed) and the path within it, as
    ``image.url``; '' if only the embed is named.
    """

    reason: Reason
    detail: str = ""
    parts: frozenset[tuple[int | None, str]] = frozenset()

    @property
    def rejected_indexes(self) -> frozenset[int]:
        """The embeds that it names, by position."""
        return frozenset(position for position, _ in self.parts if position is not None)


@dataclass(frozen=True, slots=True)
class Unknown:
    """The request was sent and its answer was lost: the message may be in the channel."""

    reason: Reason
    detail: str = ""


Outcome = Delivered | Deferred | Failed | Rejected | Unknown


@dataclass(frozen=True, slots=True)
class RateLimitInfo:
    """The bucket of a webhook as the headers of one answer describe it (Discord docs, rate-limits.mdx).

    ``reset_at_seconds``: seconds since 1970 by Discord's clock; comparable only with other values of this field.
    ``bucket``: its name; the same for all webhooks, and another one for reads than for posts.
    """

    limit: int
    remaining: int
    reset_after_seconds: float
    reset_at_seconds: float | None = None
    bucket: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One request's outcome, what its headers say of the bucket, and its HTTP status (None: no answer)."""

    outcome: Outcome
    rate_limit: RateLimitInfo | None = None
    http_status: int | None = None


@dataclass(frozen=True, slots=True)
class WebhookInfo:
    """The answer to GET webhook: where it posts, and its name."""

    answer: Answer
    channel_id: str | None
    guild_id: str | None
    name: str | None
