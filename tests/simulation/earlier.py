"""A worker of the version before, as far as Redis can tell: which messages it reads, and leaves to others."""

from dataclasses import replace
from typing import Any

from notifier.outbox.claim import Batch, ClaimArguments
from notifier.outbox.outbox import Outbox
from notifier.outbox.payload import PAYLOAD_VERSION, version_of
from notifier.outcome import Answer, Reason

EARLIER = PAYLOAD_VERSION - 1


class EarlierOutbox(Outbox):
    """Reads no message of an incident: what it is given of them it leaves."""

    def _claim_arguments(self, *given: Any) -> ClaimArguments:
        return replace(super()._claim_arguments(*given), version=EARLIER)

    def _commit_arguments(self, batch: Batch, answer: Answer) -> dict[str, Any]:
        return super()._commit_arguments(batch, answer) | {"version": EARLIER}

    def _prepared(self, batch: Batch) -> Batch:
        batch = super()._prepared(batch)
        items = (
            replace(each, unreadable=Reason.NEWER_VERSION) if version_of(each.message) > EARLIER else each
            for each in batch.items
        )
        return replace(batch, items=tuple(items))
