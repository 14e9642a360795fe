"""The outcome of one request, as values, and the reason words."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why an alert waits, failed or was refused."""

    # waiting: nothing failed, no attempt is spent
    IN_FLIGHT = "in_flight"
    BATCHING = "batching"
    BACKING_OFF = "backing_off"
    POSTPONED = "postponed"
    FETCHING_WEBHOOK = "fetching_webhook"
    LEFT_TO_OTHERS = "left_to_others"
    GATE_CLOSED = "gate_closed"
    BREAKER_OPEN = "breaker_open"
    PROBE_IN_FLIGHT = "probe_in_flight"
    RATE_LIMITED = "rate_limited"
    CHANNEL_RATE_LIMITED = "channel_rate_limited"
    CONFIGURED_LIMIT = "configured_limit"
    GLOBAL_RATE_LIMITED = "global_rate_limited"
    EDGE_BANNED = "edge_banned"
    RECONCILING = "reconciling"
    NEWER_VERSION = "newer_version"
    # the same: this machine cannot reach Discord
    MACHINE_MISCONFIGURED = "machine_misconfigured"
    PROXY_FAILED = "proxy_failed"
    CERTIFICATE_NOT_TRUSTED = "certificate_not_trusted"
    NO_NETWORK = "no_network"
    # may succeed later
    CONNECTION_FAILED = "connection_failed"
    BAD_GATEWAY = "bad_gateway"
    REDIRECTED = "redirected"
    # sent, answer lost
    READ_TIMEOUT = "read_timeout"
    CONNECTION_LOST = "connection_lost"
    SERVER_ERROR = "server_error"
    UNEXPECTED_ANSWER = "unexpected_answer"
    WORKER_LOST = "worker_lost"
    # will never succeed
    INVALID_PAYLOAD = "invalid_payload"
    PAYLOAD_TOO_LARGE = "payload_too_large"
    UNKNOWN_CHANNEL = "unknown_channel"
    FORBIDDEN = "forbidden"
    CLIENT_ERROR = "client_error"
    UNSENDABLE = "unsendable"
    INVALID_MESSAGE = "invalid_message"
    TEMPLATE_ERROR = "template_error"
    WEBHOOK_UNKNOWN = "webhook_unknown"
    WEBHOOK_TOKEN_INVALID = "webhook_token_invalid"
    WEBHOOK_QUARANTINED = "webhook_quarantined"
    WEBHOOK_NOT_CONFIGURED = "webhook_not_configured"
    QUEUE_FULL = "queue_full"
    EXPIRED = "expired"
    FORGOTTEN = "forgotten"
    REVOKED = "revoked"


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


class Status(StrEnum):
    """Where a notification is. All but ``queued`` and ``spooled`` are final."""

    QUEUED = "queued"
    DELIVERED = "delivered"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    QUEUE_FULL = "queue_full"
    FOLDED = "folded"
    # counted in the message of its incident; or there was no incident to resolve
    REPEATED = "repeated"
    NOT_OPEN = "not_open"
    SILENCED = "silenced"
    WITHDRAWN = "withdrawn"
    # what a caller gets if Redis does not answer; no stored record has these
    SPOOLED = "spooled"
    SENT_DIRECTLY = "sent_directly"
    # what a caller gets if Celery's task_always_eager is set; nothing is stored
    DRY_RUN = "dry_run"
    # what a caller gets from NOTIFIER_BACKEND=memory, console or null, and in tests; nothing is stored
    CAPTURED = "captured"


UNDELIVERED = (Status.REJECTED, Status.FAILED, Status.UNKNOWN, Status.EXPIRED, Status.QUEUE_FULL)
"""What ended badly: of these somebody may want to know."""


NEVER_STORED = (Status.QUEUED, Status.SPOOLED, Status.SENT_DIRECTLY, Status.DRY_RUN, Status.CAPTURED)
"""What only callers are told."""


class State(StrEnum):
    """Celery's states, as far as an alert has them (celery.states)."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    RETRY = "RETRY"
    REVOKED = "REVOKED"


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
