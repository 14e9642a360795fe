"""How much the outboxes hold: each a number of alerts, and all together a number of bytes."""

import json

from notifier.models import AlertType, Severity
from notifier.routing import PRIORITY
from notifier.settings import Settings
from notifier.storage.keys import Keys

PRIORITY_FACTOR = 2
RESERVES = 32
"""Ours: one part in so many of NOTIFIER_MEMORY_BYTES_MAX is each type's own, and one more is left to ``PRIORITY``.

A flood of one type folds no alert of another, and under the same load critical and security fold last.
"""


def capacity(settings: Settings, alert_type: AlertType, severity: Severity | None = None) -> int:
    """How many alerts an outbox holds when one of this severity comes.

    If floods are folded, critical and security hold twice as many as general, so that under the same load they never
    fold before it does; and so does any other for what is critical, behind what is held until the morning.
    """
    is_urgent = alert_type in PRIORITY or severity is Severity.CRITICAL
    if settings.queue_overflow == "digest" and is_urgent:
        return settings.queue_size * PRIORITY_FACTOR
    return settings.queue_size


def memory_arguments(keys: Keys, settings: Settings, alert_type: AlertType) -> tuple[int, str]:
    """How many bytes may wait: ``roomy`` and ``args`` of memory.lua for an alert of this type."""
    reserve = settings.memory_bytes_max // RESERVES
    bytes_max = settings.memory_bytes_max - (0 if alert_type in PRIORITY else reserve)
    args = {
        "types": list(AlertType),
        "type": alert_type,
        "sets": keys.outbox_parts("%s")[:3],
        "partitions": keys.outbox("%s", "partitions"),
        "notification_prefix": keys.notification(""),
        "bytes_max": bytes_max,
        "reserve": reserve,
    }
    return bytes_max - len(AlertType) * reserve, json.dumps(args)
