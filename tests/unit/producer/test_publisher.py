"""What becomes of an alert that meets a full outbox: folded, refused with a record, or left to its caller."""

from typing import Any
from unittest.mock import MagicMock

import pytest

from notifier.errors import BrokerUnavailable, QueueFull
from notifier.models import NotificationMessage
from notifier.outbox.admission import Admitted
from notifier.outbox.progress import NO_PROGRESS
from notifier.outbox.terms import Terms
from notifier.outcome import Status
from notifier.producer.publisher import ADMIT_TRIES, FOLDED_CALLBACKS_MAX, SHOWN_CHARACTERS, Publisher, shown
from notifier.storage.keys import Keys

ALERT = NotificationMessage(id="a", title="T", message="M")
FULL = QueueFull("100 general alerts are waiting already (DISCORD_QUEUE_SIZE)")


class Parts:
    """A publisher and what it is built from. ``admits``: what the outbox answers, in turn."""

    def __init__(self, *admits: Any, folds: Any = None) -> None:
        self.outbox, self.records = MagicMock(), MagicMock()
        self.outbox.admit.side_effect = admits
        self.digests = None if folds is None else MagicMock()
        if self.digests:
            self.digests.fold.side_effect = folds
        self.publisher = Publisher(MagicMock(), self.outbox, self.records, self.digests, Keys(), 0.1)
        self.dispatched = MagicMock()
        self.publisher.dispatch = self.dispatched  # type: ignore[method-assign]


def test_an_alert_is_dispatched_only_after_it_is_admitted() -> None:
    parts = Parts(BrokerUnavailable("away"))
    with pytest.raises(BrokerUnavailable):
        parts.publisher.submit(ALERT)
    parts.dispatched.assert_not_called()


def test_one_that_is_known_is_dispatched_again_for_its_task_may_be_lost() -> None:
    parts = Parts(Admitted.KNOWN)
    parts.publisher.submit(ALERT)
    parts.dispatched.assert_called_once_with(ALERT)


def test_no_task_is_sent_for_what_another_message_counts() -> None:
    parts = Parts(Admitted.COUNTED)
    parts.publisher.submit(ALERT)
    parts.dispatched.assert_not_called()


def test_without_digests_it_is_refused_and_the_history_says_why() -> None:
    parts = Parts(FULL)
    with pytest.raises(QueueFull):
        parts.publisher.admit(ALERT)
    parts.records.refuse.assert_called_once_with(ALERT, Status.QUEUE_FULL, "queue_full", str(FULL))
    assert parts.outbox.admit.call_count == 1


@pytest.mark.parametrize(("answer", "admitted"), [("folded", Admitted.COUNTED), ("known", Admitted.KNOWN)])
def test_with_digests_it_is_folded_and_not_refused(answer: str, admitted: Admitted) -> None:
    parts = Parts(FULL, folds=[answer])
    assert parts.publisher.admit(ALERT) is admitted
    parts.records.refuse.assert_not_called()


def test_one_on_which_more_hangs_than_is_kept_with_a_folded_one_is_refused() -> None:
    parts = Parts(FULL, FULL, folds=["folded"] * 2)
    assert parts.publisher.admit(ALERT, Terms(callbacks="x" * FOLDED_CALLBACKS_MAX)) is Admitted.COUNTED
    with pytest.raises(QueueFull):
        parts.publisher.admit(ALERT, Terms(callbacks="x" * (FOLDED_CALLBACKS_MAX + 1)))
    parts.records.refuse.assert_called_once_with(ALERT, Status.QUEUE_FULL, "queue_full", str(FULL))


def test_room_that_appears_meanwhile_is_used() -> None:
    parts = Parts(FULL, True, folds=["room"])
    assert parts.publisher.admit(ALERT) is True
    parts.records.refuse.assert_not_called()


def test_it_is_not_tried_for_ever() -> None:
    parts = Parts(*[FULL] * 10, folds=["room"] * 10)
    with pytest.raises(QueueFull):
        parts.publisher.admit(ALERT)
    assert parts.outbox.admit.call_count == ADMIT_TRIES
    parts.records.refuse.assert_called_once()


def test_a_dead_letter_that_is_sent_again_is_neither_folded_nor_recorded() -> None:
    parts = Parts(FULL, folds=["folded"])
    with pytest.raises(QueueFull):
        parts.publisher.submit_again(ALERT, NO_PROGRESS, maybe_posted=False)
    assert parts.digests
    parts.digests.fold.assert_not_called()
    parts.records.refuse.assert_not_called()
    parts.dispatched.assert_not_called()


def test_one_from_a_disk_brings_its_age_and_its_doubt_and_is_never_folded() -> None:
    parts = Parts(FULL, folds=["folded"])
    spooled: Any = MagicMock(message=ALERT, age_seconds=7.5, maybe_posted=True)
    with pytest.raises(QueueFull):
        parts.publisher.submit_spooled(spooled)
    assert parts.outbox.admit.call_args.kwargs == {"spooled_seconds": 7.5, "maybe_posted": True}
    assert parts.digests
    parts.digests.fold.assert_not_called()
    parts.dispatched.assert_not_called()


def test_flower_shows_a_title_and_no_more() -> None:
    long = NotificationMessage(title="t" * 200, message="private")
    assert shown(long) == f"title='{'t' * SHOWN_CHARACTERS}'"
