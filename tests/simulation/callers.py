"""The application of the simulation: it raises the alerts of the plan, and may keep some on its disk."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from notifier.errors import BrokerUnavailable
from notifier.models import NotificationMessage
from notifier.outbox.outbox import Outbox
from notifier.outbox.preparation import prepare
from notifier.outbox.terms import Terms
from notifier.outbox.withdrawals import Withdrawal, Withdrawals
from notifier.outcome import Status
from notifier.producer.client import Client
from notifier.producer.flusher import Flusher
from notifier.producer.publisher import Publisher
from notifier.producer.spool import Spool
from notifier.settings import Settings
from tests.simulation.network import Network
from tests.simulation.plan import ORNAMENTS, Raised
from tests.simulation.scheduler import SECOND, Process, Scheduler
from tests.simulation.version_0_2 import AWAY, message_of_0_2, outbox_module, settings_of
from tests.simulation.webhooks import KINDS
from tests.simulation.workers import Fleet

FLUSH_SECONDS = 3
"""How often the application looks whether its disk has something to hand over, as each call of it does."""
APP: Any = SimpleNamespace(conf=SimpleNamespace(task_always_eager=False), AsyncResult=lambda _: None)
CHANGES: dict[str, dict[str, bool]] = {"update": {"update": True}, "resolve": {"resolved": True}}


def message_of(raised: Raised, settings: Settings) -> NotificationMessage:
    """The message of an alert of the plan."""
    title = f"{raised.name} refused" if raised.refused else raised.shown_as
    incident: dict[str, Any] = {"dedup_key": raised.key, "dedup_seconds": 3_600.0} if raised.key else {}
    fields = incident | CHANGES.get(raised.change, {}) | ({"source": raised.source} if raised.source else {})
    fields |= {raised.ornament: ORNAMENTS[raised.ornament]} if raised.ornament else {}
    return prepare(NotificationMessage(id=raised.name, title=title, alert_type=KINDS[raised.kind], **fields), settings)


@dataclass
class Revoked:
    """What came of an alert that the caller wanted to withdraw. ``answer``: None if it was not told."""

    asked_at: int
    answer: Withdrawal | None = None
    told_at: int = 0


class Caller:
    """A process that raises alerts.

    Args:
        folder: of its spool; None if it has none.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        network: Network,
        fleet: Fleet,
        settings: Settings,
        folder: Path | None,
        note: Callable[[str], None],
    ) -> None:
        self._scheduler = scheduler
        self._network = network
        self._fleet = fleet
        self._settings = settings
        self._note = note
        self._spool = Spool(folder, 1_000) if folder else None
        self._process = Process("caller")
        self.accepted: dict[str, Raised] = {}
        self.maybe: dict[str, Raised] = {}
        self.spooled: set[str] = set()
        self.raised_at: dict[str, int] = {}
        self.accepted_at: dict[str, int] = {}
        self.revoked: dict[str, Revoked] = {}
        """What it was told of those that it wanted to withdraw."""
        self._raising: dict[str, Process] = {}

    def start(self) -> None:
        """Start the process, or start it again."""
        self._process = Process("caller", clock_ahead=self._process.clock_ahead)
        client = self._network.client_of(self._process)
        publisher = self._fleet.publisher(client, Outbox(client, self._settings))
        self._publisher: Publisher = publisher
        self._of_0_2 = outbox_module.Outbox(client, settings_of(self._settings))
        self._withdrawals = Withdrawals(client, self._settings)
        if self._spool:
            flusher = Flusher(self._spool, publisher.submit_spooled)
            none = cast("Any", None)
            self._client = Client(APP, publisher, self._settings, flusher, none, none)
            self._scheduler.spawn(self._process, self._look_after_the_disk)

    def kill(self, down_seconds: float) -> None:
        """Kill the process, and start it again later."""
        self._note(f"the caller is killed, for {down_seconds} s")
        self._process.dead = True
        self._scheduler.spawn(Process("supervisor"), self.start, down_seconds)

    def step_clock(self, seconds: float) -> None:
        """The clock of its machine shows so much more, or less."""
        self._note(f"the caller's clock steps by {seconds} s")
        self._process.clock_ahead += round(seconds * SECOND)

    @property
    def has_spooled(self) -> bool:
        """Whether something waits on its disk."""
        return bool(self._spool and self._spool.count(readable=False))

    @property
    def is_raising(self) -> bool:
        """Whether it has yet to be told of an alert that it raises."""
        return any(not each.dead for each in self._raising.values())

    def plan(self, raised: Raised) -> None:
        """Raise an alert at its time, unless the process is dead then."""
        self._scheduler.spawn(Process("outside"), partial(self._begin, raised), raised.at)
        if raised.revoked is not None:
            self._scheduler.spawn(
                Process("outside"), partial(self._begin_to_revoke, raised), raised.at + raised.revoked
            )

    def _begin(self, raised: Raised) -> None:
        if not self._process.dead:
            self._raising[raised.name] = self._process
            self._scheduler.spawn(self._process, partial(self._call, raised))

    def _call(self, raised: Raised) -> None:
        self._raise(raised)
        del self._raising[raised.name]

    def _begin_to_revoke(self, raised: Raised) -> None:
        if not self._process.dead:
            self._scheduler.spawn(self._process, partial(self._revoke, raised))

    def _revoke(self, raised: Raised) -> None:
        asked = self.revoked[raised.name] = Revoked(self._scheduler.now)
        try:
            asked.answer = self._withdrawals.withdraw(raised.name)
        except BrokerUnavailable:
            return
        asked.told_at = self._scheduler.now
        self._note(f"{raised.name} is to be withdrawn: {asked.answer}")

    def _look_after_the_disk(self) -> None:
        while True:
            self._client.flush()
            self._scheduler.pause(FLUSH_SECONDS)

    def _raise(self, raised: Raised) -> None:
        """What a caller does that repeats a call that may have been stored, as ``.delay()`` tells it to."""
        message = message_of(raised, self._settings)
        terms = Terms(after_seconds=raised.after or 0, expires_seconds=raised.expires)
        self.maybe[raised.name] = raised
        self.raised_at[raised.name] = self._scheduler.now
        take = partial(self._submit if self._spool else self._admit, message, terms)
        if raised.is_of_0_2:
            take = partial(self._admit_as_0_2, message)
        try:
            take()
        except AWAY:
            try:
                take()
            except AWAY:
                return
        del self.maybe[raised.name]
        self.accepted[raised.name] = raised
        self.accepted_at[raised.name] = self._scheduler.now

    def _submit(self, message: NotificationMessage, terms: Terms) -> None:
        if self._client.submit(message, terms).status is Status.SPOOLED:
            self._note(f"{message.id} is on the caller's disk")
            self.spooled.add(message.id)

    def _admit_as_0_2(self, message: NotificationMessage) -> None:
        self._of_0_2.admit(message_of_0_2(message.id, message.title, message.alert_type))
        self._publisher.dispatch(message)

    def _admit(self, message: NotificationMessage, terms: Terms) -> None:
        if self._publisher.admit(message, terms).needs_task:
            self._publisher.dispatch(message)
