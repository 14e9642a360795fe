"""Alerts of incidents that nobody resolves or acknowledges."""

import hashlib
from typing import Any

from notifier.errors import QueueFull
from notifier.given_incident import DEDUP_SECONDS_MAX
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.reminders import Due, Reminders, What
from notifier.outbox.terms import NO_TERMS, Terms
from notifier.outbox.withdrawals import Withdrawal, Withdrawals
from notifier.producer.client import Client
from notifier.render.reminder import escalation, escalation_ended, reminder
from notifier.settings import Settings

ON_ITS_OWN = {"dedup_seconds": DEDUP_SECONDS_MAX, "repeat": "edit", "remind_seconds": 0, "escalate_after": 0}

KEY_CHARACTERS = 200
"""Ours: of the key of an incident, in that of what it is escalated to."""


class ReminderWatch:
    """Raises reminders and escalations that are due. Several workers may do so at once."""

    def __init__(self, reminders: Reminders, withdrawals: Withdrawals, client: Client, settings: Settings) -> None:
        self._reminders = reminders
        self._withdrawals = withdrawals
        self._client = client
        self._settings = settings

    def report(self) -> None:
        """Raise what is to be raised.

        Raises:
            BrokerUnavailable: Redis did not answer. What was not raised then is raised later.
            QueueFull: no room for some (DISCORD_QUEUE_OVERFLOW is reject). Those are raised later, the others are.
        """
        full = None
        for due in self._reminders.take():
            try:
                self._do(due)
            except QueueFull as error:
                full = error
            else:
                self._reminders.done(due)
        if full is not None:
            raise full

    def _do(self, due: Due) -> None:
        if due.what is What.END:
            self._end(due)
        else:
            # with an id of its own: a worker that ends before it has said so is followed by another
            message, (partition, _) = self._message(due), self._place(due)
            stays = message.alert_type == due.alert_type
            self._client.submit(message, Terms(partition=partition) if stays else NO_TERMS)

    def _place(self, due: Due) -> tuple[int, str | None]:
        """The partition of the webhook that shows the incident, and its thread, which no other can post to."""
        webhooks = self._settings.webhooks_of(due.alert_type)
        showing = [place for place, each in enumerate(webhooks) if due.incident.is_shown_by(each)]
        if not showing:  # a worker that has none for this type leaves it to others
            return due.partition, None if webhooks else due.incident.thread_id
        is_own = due.partition % len(webhooks) in showing
        return due.partition if is_own else showing[0], due.incident.thread_id

    def _end(self, due: Due) -> None:
        withdrawn = [self._withdrawals.withdraw(each) is Withdrawal.WITHDRAWN for each in due.raised]
        kind = _escalated_to(due)
        if due.told and kind != due.alert_type and not (withdrawn and withdrawn[-1]):
            own = {"id": due.id, "alert_type": kind, **_key(due)}
            self._client.submit(escalation_ended(due.incident.state, due.told, own))

    def _message(self, due: Due) -> NotificationMessage:
        state, shown = due.incident.state, due.incident.shown
        own: dict[str, Any] = {"id": due.id, "alert_type": due.alert_type}
        if thread_id := self._place(due)[1]:
            own["thread_id"] = thread_id
        if due.what is What.REMIND:
            return reminder(state, shown, own, key=due.key, number=due.number, link=due.link)
        mentions = [each for each in due.escalate_to if each not in set(AlertType)]
        if (kind := _escalated_to(due)) != due.alert_type:  # there it is an incident of its own, which ends with this
            own = {"id": due.id, "alert_type": kind, **ON_ITS_OWN, **_key(due)}
        return escalation(state, shown, own, key=due.key, mentions=mentions, link=due.link)


def _escalated_to(due: Due) -> AlertType:
    kinds = [AlertType(each) for each in due.escalate_to if each in set(AlertType)]
    return kinds[0] if kinds else due.alert_type


def _key(due: Due) -> dict[str, str]:
    digest = hashlib.sha256(f"{due.name} {due.opened_at}".encode()).hexdigest()[:8]
    return {"dedup_key": f"escalated/{digest}/{due.alert_type}/{due.key[:KEY_CHARACTERS]}"}
