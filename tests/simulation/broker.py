"""The broker of the simulation: it carries triggers and wake-ups; it may lose one, repeat it, or be late."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from notifier.models import NotificationMessage
from notifier.outbox.claim import ClaimRequest, WakeUp
from notifier.producer.publisher import Publisher
from tests.simulation.network import Numbered
from tests.simulation.scheduler import Process, Scheduler
from tests.simulation.wake_ups import WakeUps

NOBODY_SECONDS = 0.5
"""How soon the broker looks again for a worker if none is there."""


@dataclass(frozen=True, slots=True)
class Message:
    """The trigger of one alert, or a wake-up."""

    request: ClaimRequest
    retries: int = 0

    def __str__(self) -> str:
        return self.request.notification_id or f"wake-up of {self.request.alert_type}"


class Broker:
    """Gives each message to one worker."""

    def __init__(
        self, scheduler: Scheduler, chance: random.Random, numbered: Numbered, note: Callable[[str], None]
    ) -> None:
        self._scheduler = scheduler
        self._chance = chance
        self._numbered = numbered
        self._note = note
        self._messages = 0
        self._process = Process("broker")
        self.wake_ups = WakeUps(scheduler)
        self.hand_over: Callable[[Message], bool] = lambda _: False
        """Gives a message to a worker; False if none is there."""

    def put(self, message: Message, wait_seconds: float) -> None:
        """Take a message, to be handed over in so many seconds."""
        self._messages += 1
        what, amount = self._numbered.of("message", self._messages)
        if what == "lost":
            self._note(f"a message is lost: {message}")
            return
        late = amount if what == "late" else 0.0
        for _ in range(2 if what == "twice" else 1):
            self._later(message, wait_seconds + late + self._chance.uniform(0.0005, 0.02))

    def _later(self, message: Message, seconds: float) -> None:
        self._scheduler.spawn(self._process, lambda: self._deliver(message), seconds)

    def _deliver(self, message: Message) -> None:
        if not self.hand_over(message):
            self._later(message, NOBODY_SECONDS)


class SimulatedPublisher(Publisher):
    """The real one, whose messages go to the broker of the simulation."""

    broker: Broker

    def dispatch(self, message: NotificationMessage, again: bool = True) -> None:
        """Send the trigger of an alert."""
        self.broker.put(Message(ClaimRequest(message.alert_type, message.id)), 0)

    def wake_up(self, wake_up: WakeUp | None) -> None:
        """Send a wake-up."""
        if wake_up is not None:
            request = ClaimRequest.of_wake_up(wake_up.alert_type, wake_up.token)
            self.broker.wake_ups.sent(request, wake_up.wait_seconds)
            self.broker.put(Message(request), wake_up.wait_seconds)
