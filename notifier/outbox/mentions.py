"""Whom the alerts of a batch ping because of their type, unless those of that type have pinged lately."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from notifier.models import AlertType
from notifier.outbox.batch_item import Request
from notifier.outbox.claim import Batch

ORNAMENT = "allowed_mentions"


def with_mentions(batch: Batch, configured: Mapping[AlertType, Sequence[str]]) -> Batch:
    """The batch with what it pings: that of each type in it, once, in the only ``content`` that a request has.

    What goes again, for it may not have been posted, pings again. A part that is not the first of its alert does not,
    and nothing that is over or in quiet hours does.
    """
    if any(each.request is not Request.POST for each in batch.items):  # who was pinged by it is not pinged again
        return batch
    is_refused = any(ORNAMENT in each.progress.left_out for each in batch.items)
    if batch.blocked or batch.abandoned or batch.silent or is_refused:
        return batch
    types = dict.fromkeys(
        each.message.alert_type
        for each in batch.items
        if each.progress.part == 0 and not each.unreadable and not each.message.resolved
    )
    pinging = tuple(kind for kind in types if configured.get(kind) and kind not in batch.pinged_lately)
    if not pinging:
        return batch
    pings = tuple(dict.fromkeys(ping for kind in pinging for ping in configured[kind]))
    return replace(batch, items=(replace(batch.items[0], pings=pings), *batch.items[1:]), pinging=pinging)
