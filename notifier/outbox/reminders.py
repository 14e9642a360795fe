"""Reminders of incidents that nobody resolves or acknowledges, and their escalation: when which is due."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

import redis

from notifier.gate.gate import microseconds
from notifier.models import AlertType
from notifier.outbox.incident import Incident, incident_of
from notifier.outbox.steps import COUNTING_SCRIPTS, waiting_life_seconds
from notifier.settings import Settings
from notifier.storage.connection import broker_errors
from notifier.storage.keys import Keys
from notifier.storage.scripts import atomic_step, script

LEASE_SECONDS = 10.0
"""Ours: how long a worker has to raise what is due, before another does."""
LATER_SECONDS = 60.0
"""Ours: when an incident is looked at again that is silenced, or is not shown yet."""
PAGE = 50
"""Ours: incidents that one sweep looks at."""
IDS = uuid.UUID("5a1cbd9e-6f4b-4f3e-9a51-0f6c3d7e2b84")
"""Ours: the namespace of the ids of reminders."""


class What(StrEnum):
    """What is due of an incident."""

    REMIND = "remind"
    ESCALATE = "escalate"
    END = "end"
    """It is over or acknowledged: a reminder that still waits is taken back."""


@dataclass(frozen=True, slots=True)
class Due:
    """What is due of one incident. ``number``: of the reminder. ``escalate_to``: an alert type, and mentions.

    ``told``: what whoever it is escalated to is told of its end: ``resolved``, ``acknowledged``, ``over``, or nothing.
    ``link``: to its message, if that is known. ``raised``: ids of the last reminder and of the escalation.
    ``partition``: of its alert type, the one that it belongs to.
    """

    name: str
    what: What
    told: str
    incident: Incident
    alert_type: AlertType
    key: str
    number: int
    opened_at: str
    link: str | None
    escalate_to: Sequence[str]
    raised: Sequence[str]
    partition: int = 0

    @property
    def id(self) -> str:
        """The id of the alert: one that is raised again is the same one."""
        number = self.number if self.what is What.REMIND else 0
        return str(uuid.uuid5(IDS, f"{self.name} {self.opened_at} {self.what}{self.told} {number}"))


class Reminders:
    """When incidents are to be reminded of.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self._keys = Keys(settings.key_prefix)
        self._life_milliseconds = waiting_life_seconds(settings) * 1_000
        self._take, self._done = (
            atomic_step(client, script(*COUNTING_SCRIPTS, f"outbox/{name}.lua"))
            for name in ("take_reminders", "reminded")
        )

    def take(self) -> list[Due]:
        """Lease what is due, for the caller to do and to note as ``done``."""
        with broker_errors():
            flat = self._take(
                keys=[self._keys.reminders, self._keys.silences],
                args=[
                    *(microseconds(LEASE_SECONDS), microseconds(LATER_SECONDS), PAGE, self._keys.notification("")),
                ],
            )
        return [_due(name, What(what), *rest) for name, what, *rest in zip(*[iter(flat)] * 4, strict=True)]

    def done(self, due: Due) -> None:
        """It is raised, or taken back."""
        with broker_errors():
            self._done(
                keys=[due.name, self._keys.reminders],
                args=[due.what, due.opened_at, due.number, due.id, self._life_milliseconds, due.told],
            )


def _due(name: str, what: What, told: str, text: str) -> Due:
    found: dict[str, str] = json.loads(text)
    return Due(
        name,
        what,
        told if what is What.END else "",
        cast("Incident", incident_of(text, "")),
        AlertType(found["type"]),
        found["key"],
        int(found.get("reminders", 0)) + 1,
        found["opened_at"],
        found.get("link"),
        json.loads(found.get("escalate_to") or "[]"),
        [found[each] for each in ("reminder", "escalation") if each in found],
        int(found.get("partition", 0)),
    )
