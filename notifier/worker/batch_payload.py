"""What a batch asks Discord to post: its embeds, each with its note."""

from notifier.outbox.batch_item import BatchItem
from notifier.outbox.claim import Batch
from notifier.render.batch import Payload, compose
from notifier.render.collected import compose_collected
from notifier.render.notes import note
from notifier.storage.connection import MICROSECONDS


def payload_of(batch: Batch) -> Payload:
    """Its payload."""
    notes, left_out = [note_of(batch, each) for each in batch.items], [each.left_out for each in batch.items]
    in_forum = any(each.progress.in_forum for each in batch.items)
    if collected := batch.collected:
        return compose_collected(batch.messages, collected, notes, left_out, in_forum=in_forum)
    return compose(batch.messages, notes, left_out, in_forum=in_forum)


def note_of(batch: Batch, item: BatchItem) -> str:
    """What stands in the footer of one alert: that it may be a duplicate, its delay, whom it was meant for."""
    return note(
        maybe_posted=item.maybe_posted,
        delayed_seconds=(batch.claimed_at - max(item.admitted_at, item.not_before)) / MICROSECONDS,
        delayed_by=item.delayed_by,
        meant_for="" if item.message.alert_type is batch.alert_type else item.message.alert_type,
    )
