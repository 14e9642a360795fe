"""Where an alert is, and the reason words: what callers know of outcomes too."""

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
