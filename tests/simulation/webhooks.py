"""The webhooks of the simulation, their channels, and the outboxes that they have."""

import hashlib

from pydantic import SecretStr

from notifier.models import AlertType
from notifier.routing import Partition
from notifier.webhook import Webhook
from tests.simulation.plan import Raised


def _webhook(number: int) -> Webhook:
    return Webhook(f"1{number:018}", SecretStr(f"fake-token-{number}"))


KINDS = (AlertType.GENERAL, AlertType.ERROR, AlertType.CRITICAL)
_SHARED = _webhook(0)
WEBHOOKS = {AlertType.GENERAL: _SHARED, AlertType.ERROR: _SHARED, AlertType.CRITICAL: _webhook(2)}
"""Two types share one webhook, its channel and its limits."""
FURTHER = {AlertType.GENERAL: (_webhook(4),), AlertType.CRITICAL: (_webhook(6), _webhook(8))}
"""What some types have besides, if the plan says so."""
IN_THE_CHANNEL_OF = {_webhook(8).id: _webhook(6).id}
OUTBOXES = [Partition(kind, number) for kind in KINDS for number in range(1 + len(FURTHER.get(kind, ())))]


def channel_of(webhook: Webhook) -> str:
    """The id of its channel."""
    return f"2{IN_THE_CHANNEL_OF.get(webhook.id, webhook.id)[1:]}"


def all_of(kind: AlertType) -> tuple[Webhook, ...]:
    """All that a type has if it has several."""
    return (WEBHOOKS[kind], *FURTHER.get(kind, ()))


def outbox_of(raised: Raised) -> Partition:
    """Which one takes an alert of a type that has several webhooks."""
    kind = KINDS[raised.kind]
    by = hashlib.sha1((raised.source or raised.name).encode(), usedforsecurity=False).hexdigest()
    return Partition(kind, int(by[:8], 16) % len(all_of(kind)))
