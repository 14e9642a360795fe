"""Alerts of incidents that nobody resolves or acknowledges."""

from notifier.models import AlertType, NotificationMessage
from notifier.outbox.reminders import Due, Reminders, What
from notifier.outbox.withdrawals import Withdrawals
from notifier.producer.client import Client
from notifier.render.reminder import escalation, reminder
from notifier.settings import Settings


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
        """
        for due in self._reminders.take():
            if due.what is What.END:
                for each in due.raised:
                    self._withdrawals.withdraw(each)
            else:
                # with an id of its own: a worker that ends before it has said so is followed by another
                self._client.submit(self._message(due))
            self._reminders.done(due)

    def _message(self, due: Due) -> NotificationMessage:
        state, shown = due.incident.state, due.incident.shown
        own = {"id": due.id, "alert_type": due.alert_type}
        webhook = self._settings.webhooks.get(due.alert_type)
        if due.incident.thread_id and (webhook is None or due.incident.is_shown_by(webhook)):
            own["thread_id"] = due.incident.thread_id
        if due.what is What.REMIND:
            return reminder(state, shown, own, key=due.key, number=due.number, link=due.link)
        kinds = [each for each in due.escalate_to if each in set(AlertType)]
        mentions = [each for each in due.escalate_to if each not in kinds]
        if kinds and kinds[0] != due.alert_type:
            own = {"id": due.id, "alert_type": AlertType(kinds[0])}
        return escalation(state, shown, own, key=due.key, mentions=mentions, link=due.link)
