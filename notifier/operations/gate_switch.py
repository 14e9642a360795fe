"""People open, close and reset gates."""

from collections.abc import Sequence
from typing import Literal

from notifier.counting import counted
from notifier.errors import ConfigurationError
from notifier.gate.admin import Gate
from notifier.models import AlertType
from notifier.operations.audit import Audit, Author
from notifier.outbox.outbox import Outbox
from notifier.producer.publisher import Publisher
from notifier.routing import ROUTES
from notifier.settings import Settings
from notifier.webhook import Webhook

EDGE = "edge"
"""Stands for what holds this whole address; it can be reset alone."""
Turn = Literal["open", "close", "reset"]


class GateSwitch:
    """Changes gates, notes who did it, and wakes what waits.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, gate: Gate, outbox: Outbox, publisher: Publisher, settings: Settings, audit: Audit) -> None:
        self._gate, self._outbox, self._publisher = gate, outbox, publisher
        self._settings, self._audit = settings, audit

    def turn(self, turn: Turn, names: Sequence[str], author: Author) -> None:
        """Do that to the gates of these types (``reset``: also ``edge``), or partitions; all of them, or none.

        Raises:
            ConfigurationError: one of them has no webhook here.
        """
        webhooks = {name: self._webhooks(name) for name in names if name != EDGE}
        for name in names:
            if name == EDGE:
                self._gate.reset_edge()
            for webhook in webhooks.get(name, ()):
                if turn == "close":
                    self._gate.close(webhook, author.by, author.why)
                elif turn == "open":
                    self._gate.open(webhook)
                else:
                    self._gate.reset(webhook)
            self._audit.note(author, f"gate.{turn}", name)
        if turn != "close":
            for kind in AlertType:  # others may share the webhook, or its channel
                for wake_up in self._outbox.force_wake(kind):
                    self._publisher.wake_up(wake_up)

    def _webhooks(self, name: str) -> Sequence[Webhook]:
        """Those of a type, or the one of a partition."""
        type_name, _, number = name.partition(".")
        kind = AlertType(type_name)
        if found := self._settings.webhooks_of(kind):
            if number and int(number) >= len(found):
                variable = ROUTES[kind].webhook_variables[0]
                raise ConfigurationError(f"{name}: {variable} has {counted(len(found), 'webhook')} here; see gate list")
            return found[int(number) : int(number) + 1] if number else found
        unset = f"{ROUTES[kind].webhook_variables[0]} is not set here"
        raise ConfigurationError(self._settings.wrong_webhooks.get(kind, unset))
