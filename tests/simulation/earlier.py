"""A worker of the version before, as far as Redis can tell: which messages it reads, and leaves to others."""

from dataclasses import replace

import redis

from notifier.outbox.claim import Batch
from notifier.outbox.outbox import Outbox
from notifier.outbox.payload import PAYLOAD_VERSION, version_of
from notifier.outbox.step_arguments import StepArguments
from notifier.outcome import Reason
from notifier.settings import Settings

EARLIER = PAYLOAD_VERSION - 1


class EarlierOutbox(Outbox):
    """Reads no message of an incident: what it is given of them it leaves."""

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        super().__init__(client, settings)
        self._arguments = StepArguments(settings, version=EARLIER)

    def _prepared(self, batch: Batch) -> Batch:
        batch = super()._prepared(batch)
        items = (
            replace(each, unreadable=Reason.NEWER_VERSION) if version_of(each.message) > EARLIER else each
            for each in batch.items
        )
        return replace(batch, items=tuple(items))
