"""The way into the outboxes: one Lua call for each notification."""

import json
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import redis

from notifier.counting import counted
from notifier.errors import QueueFull
from notifier.gate.gate import microseconds
from notifier.models import AlertType, NotificationMessage, Severity
from notifier.outbox.callbacks import LOOK_SECONDS
from notifier.outbox.capacity import capacity, memory_arguments
from notifier.outbox.payload import PAYLOAD_VERSION, text_of, version_of
from notifier.outbox.progress import NO_PROGRESS, Progress
from notifier.outbox.steps import ADMISSION_SCRIPTS, COLLECTED, COUNTING_SCRIPTS, waiting_life_seconds
from notifier.outbox.terms import NO_TERMS, Terms
from notifier.render.load import measure
from notifier.settings import Settings
from notifier.status import Reason
from notifier.storage.connection import broker_errors
from notifier.storage.keys import Keys
from notifier.storage.scripts import atomic_step, script
from notifier.tracing import carried, is_on

if TYPE_CHECKING:
    from notifier.outbox.silences import Silences
    from notifier.storage.retention import Findings


OWN_ARGUMENT = "cjson.decode(ARGV[1])"
"""Where admit.lua reads what is the same for all alerts of one type."""


class Admitted(StrEnum):
    """What became of a notification that was to be admitted."""

    NOW = "admitted"
    CARRIED = "carried"
    """So it is, and a delivery task is under way that will look for it: none need be sent."""
    KNOWN = "known"
    """This id was admitted before: nothing was done."""
    COUNTED = "counted"
    """In the message of its incident, or by a silence. It is final, and no task need come for it."""
    HASTENED = "hastened"
    """The same, but what counts it is due earlier now: its task comes for that."""
    SILENCED = "silenced"
    """A silence matches it: its record is to be stored."""

    @property
    def needs_task(self) -> bool:
        """Whether the caller is to send a delivery task."""
        return self not in {Admitted.CARRIED, Admitted.COUNTED}


ANSWERS = {each.value: each for each in Admitted}


def _of_type(keys: Keys, settings: Settings, kind: AlertType) -> dict[str, str | int]:
    """What admit.lua takes for every alert of one type."""
    waiting, delayed, in_flight, state, _ = keys.outbox_parts(kind)
    roomy, memory_args = memory_arguments(keys, settings, kind)
    own: dict[str, str | int] = {
        "waiting": waiting,
        "delayed": delayed,
        "in_flight": in_flight,
        "state": state,
        "sequence": keys.sequence,
        "history": keys.history(kind),
        "refused": keys.refused(kind),
        "dead_letters": keys.dead_letters(kind),
        "callbacks": keys.callbacks,
        "memory": keys.memory,
        "silences": keys.silences,
        "partitions": keys.outbox(kind, "partitions"),
        "of_partition": keys.outbox(f"{kind}.%s", "%s"),
        "type": kind,
        "capacity": capacity(settings, kind),
        "life": waiting_life_seconds(settings) * 1_000,
        "look": microseconds(LOOK_SECONDS),
        "roomy": roomy,
        "memory_args": memory_args,
    }
    return own


def _of_one_type(text: str, own: Mapping[str, str | int]) -> str:
    """The script for alerts of one type: what they all have is a part of it, and is neither sent nor read each time."""
    table = ", ".join(f"{name} = {_in_lua(value)}" for name, value in own.items())
    return text.replace(OWN_ARGUMENT, f"{{ {table} }}")


def _in_lua(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    return '"' + "".join(f"\\{byte:03d}" for byte in value.encode()) + '"'  # JSON's escapes are not Lua's


def _rare(
    terms: Terms,
    spooled_seconds: float = 0,
    progress: Progress = NO_PROGRESS,
    *,
    maybe_posted: bool = False,
    collect: str = "",
    room: int | None = None,
) -> str:
    """What admit.lua takes of few alerts, as JSON; '' for the others."""
    few = terms is not NO_TERMS or progress is not NO_PROGRESS or spooled_seconds or maybe_posted or collect or room
    if not (few or is_on()):
        return ""
    values = {
        "spooled": microseconds(spooled_seconds) or None,
        "unknown": Reason.CONNECTION_LOST if maybe_posted else None,
        "after": microseconds(terms.after_seconds) or None,
        "expires": None if terms.expires_seconds is None else microseconds(terms.expires_seconds),
        "callbacks": terms.callbacks or None,
        "progress": progress.as_json() or None,
        "collect": collect or None,
        "capacity": room,
        "partition": terms.partition,
        "trace": carried() or None,
    }
    rare = {name: value for name, value in values.items() if value is not None}
    return json.dumps(rare) if rare else ""


class Admission:
    """Admits notifications, each to the outbox of its type.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self._redis = client
        self._settings = settings
        self._keys = Keys(settings.key_prefix)
        self._life_seconds = waiting_life_seconds(settings)
        self._of_type = {kind: _of_type(self._keys, settings, kind) for kind in AlertType}
        self._notification, self._result = self._keys.notification(""), self._keys.result("")
        self._steps: dict[tuple[AlertType, tuple[str, ...]], Callable[..., Any]] = {}

    def ping(self, told: "Callable[[Findings], None] | None" = None) -> None:
        """Check that Redis answers. ``told``: asked in the same round trip, whether it may drop what waits there."""
        with broker_errors():
            if told is None:
                self._redis.ping()
            else:
                from notifier.storage.retention import ping  # once in a process

                ping(self._redis, told)

    def admit(
        self,
        message: NotificationMessage,
        terms: Terms = NO_TERMS,
        *,
        spooled_seconds: float = 0,
        maybe_posted: bool = False,
        progress: Progress = NO_PROGRESS,
        trigger: tuple[str, bytes, str] | None = None,
    ) -> Admitted:
        """Admit a notification, once per id.

        ``spooled_seconds``: how long it waited on a disk. ``maybe_posted``: a request was made, its answer was lost.
        ``progress``: what is settled of it already. ``trigger``: its delivery task, put there if it is wanted: the
        key of a queue, the form (producer/triggers.py), and what is shown of its arguments.

        Raises:
            QueueFull: the outbox holds ``DISCORD_QUEUE_SIZE`` notifications, waiting and in flight; or all outboxes
                hold ``NOTIFIER_MEMORY_BYTES_MAX``.
        """
        text, load = text_of(message), measure(message)
        has_begun = maybe_posted or (progress is not NO_PROGRESS and progress != NO_PROGRESS)
        groups = self._settings.group_seconds_by_type and not has_begun
        collect = self._collected(message, terms) if groups else ""
        is_critical, kind = message.severity is Severity.CRITICAL, message.alert_type
        room = capacity(self._settings, kind, message.severity) if is_critical else None
        rare = _rare(terms, spooled_seconds, progress, maybe_posted=maybe_posted, collect=collect, room=room)
        files = COUNTING_SCRIPTS if message.dedup_key else ADMISSION_SCRIPTS
        step = self._step(kind, (*files, COLLECTED) if collect and not message.dedup_key else files)
        incident = self._of_incident(message, message.dedup_key) if message.dedup_key else ((), "")
        while True:
            admitted = self._admit_text(
                *(step, message.id, message.alert_type, text, version_of(message)),
                *(load.batch_key, load.characters, rare, *incident),
                room=room,
                trigger=trigger or (),
            )
            if admitted is not Admitted.SILENCED:
                return admitted
            if (kept := self._silences.keep(message, terms)) != "over":
                return Admitted.KNOWN if kept == "known" else Admitted.COUNTED

    def _of_incident(self, message: NotificationMessage, key: str) -> tuple[Sequence[str], str]:
        """The keys and the argument that admit.lua takes of its incident."""
        from notifier.outbox.incident import incident_arguments, incident_keys  # few callers need it

        asked = incident_arguments(self._keys, self._settings, message, key, self._life_seconds)
        return incident_keys(self._keys, message.alert_type, key), asked

    def _step(self, kind: AlertType, files: tuple[str, ...] = ADMISSION_SCRIPTS) -> Callable[..., Any]:
        """The step for alerts of this type, with these shared functions."""
        if (found := self._steps.get((kind, files))) is None:
            text = _of_one_type(script(*files, "outbox/admit.lua"), self._of_type[kind])
            found = self._steps[kind, files] = atomic_step(self._redis, text)
        return found

    @cached_property
    def _silences(self) -> "Silences":
        from notifier.outbox.silences import Silences  # few callers need it

        return Silences(self._redis, self._settings)

    def _collected(self, message: NotificationMessage, terms: Terms) -> str:
        """What admit.lua takes of the group for which it waits; '' if it waits for none."""
        from notifier.outbox.collecting import collect_arguments, collecting_seconds  # few callers need it

        seconds = collecting_seconds(message, terms, self._settings)
        return collect_arguments(seconds, self._keys, self._settings, message.alert_type) if seconds else ""

    def admit_newer(
        self, notification_id: str, alert_type: AlertType, fields: Mapping[str, Any], terms: Terms = NO_TERMS
    ) -> Admitted:
        """Admit, for workers of a later version, a notification whose fields this one does not know. Else as ``admit``.

        Raises:
            QueueFull: as ``admit``.
        """
        text = json.dumps({**fields, "id": notification_id, "alert_type": alert_type})
        return self._admit_text(
            self._step(alert_type), notification_id, alert_type, text, PAYLOAD_VERSION + 1, "", 0, _rare(terms)
        )

    def _admit_text(  # noqa: PLR0913, PLR0917 - all that is stored of it
        self,
        step: Callable[..., Any],
        notification_id: str,
        kind: AlertType,
        text: str,
        version: int,
        batch_key: str,
        characters: int,
        rare: str,
        incident_keys: Sequence[str] = (),
        incident: str = "",
        room: int | None = None,
        trigger: Sequence[str | bytes] = (),
    ) -> Admitted:
        keys = [self._notification + notification_id, self._result + notification_id, *incident_keys]
        of_it = (notification_id, text, batch_key, characters, version, rare, incident, *trigger)
        with broker_errors():
            answer = step(keys=keys, args=["", *of_it])
        answer, _, partition = answer.partition(" ")
        if answer == "full":
            room = room or capacity(self._settings, kind)
            waiting = f"{counted(room, f'{kind} alert')} {'is' if room == 1 else 'are'} waiting already"
            full = QueueFull(f"{waiting} (DISCORD_QUEUE_SIZE)")
            full.partition = int(partition)
            raise full
        if answer == "memory_full":
            limit = self._settings.memory_bytes_max
            raise QueueFull(f"with the {kind} alert more than {limit} bytes would wait (NOTIFIER_MEMORY_BYTES_MAX)")
        return ANSWERS[answer]
