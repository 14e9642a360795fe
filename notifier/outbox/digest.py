"""Digests: alerts that do not fit into an outbox are folded into one alert per type, sent once there is room."""

import json
import uuid

import redis

from notifier.gate.counters import counter_names
from notifier.gate.gate import lease_seconds, microseconds
from notifier.ids import new_id
from notifier.models import AlertType, NotificationMessage, Severity
from notifier.outbox.capacity import capacity, memory_arguments
from notifier.outbox.record import as_result, record
from notifier.outbox.steps import COUNTING_SCRIPTS, OUTBOX_SCRIPTS, WITNESS_SECONDS, waiting_life_seconds
from notifier.outbox.terms import NO_TERMS, Terms
from notifier.render.limits import DESCRIPTION_CHARACTERS_MAX, EMBEDS_MAX
from notifier.render.load import measure
from notifier.routing import Partition
from notifier.settings import Settings
from notifier.status import Reason, Status
from notifier.storage.connection import MICROSECONDS, broker_errors
from notifier.storage.keys import Keys
from notifier.storage.scripts import atomic_step, script

FOLDED_MAX = 10_000
"""Ours: records kept of folded alerts, per type; the digest counts all."""
TITLES_MAX = 50
"""Ours: different titles that a digest counts; the rest are others."""
TITLES_SHOWN = 25
"""Ours: lines of a digest's text."""
TITLE_CHARACTERS = 100
"""Ours: characters of a title in it, escapes not counted."""
DIGEST_SECONDS = 30
"""Ours: in a flood every free place is taken at once, so a digest older than this is admitted without one."""


class Digests:
    """Alerts that did not fit into the outboxes.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self._redis = client
        self._settings = settings
        self._keys = Keys(settings.key_prefix)
        self._life_seconds = waiting_life_seconds(settings)
        self._memory = {kind: memory_arguments(self._keys, settings, kind) for kind in AlertType}
        self._fold = atomic_step(client, script(*COUNTING_SCRIPTS, "outbox/fold.lua"))
        self._digest = atomic_step(client, script(*OUTBOX_SCRIPTS, "outbox/digest.lua"))

    def fold(self, message: NotificationMessage, terms: Terms = NO_TERMS, partition: int = 0) -> str:
        """Fold an alert into the digest of its type: ``folded``, ``known`` or ``room`` (as fold.lua).

        ``partition``: the one that has no room for it.
        """
        from notifier.plain_text import plain  # few alerts are folded
        from notifier.render.cut import cut

        kind, stamp = message.alert_type, uuid.uuid4().hex
        size = len(message.model_dump_json(exclude_defaults=True).encode()) + len(terms.callbacks.encode())
        waiting, delayed, in_flight, _, _ = self._keys.outbox_parts(Partition(kind, partition))
        with broker_errors():
            ended = record(
                message,
                Status.FOLDED,
                admitted_at=stamp,
                finished_at=stamp,
                reason=Reason.QUEUE_FULL,
                detail="counted in a digest",
                text_bytes_max=self._settings.history_text_bytes,
            )
            ended["digest"] = digest = digest_id()
            answer = self._fold(
                keys=[
                    self._keys.notification(message.id),
                    *(waiting, delayed, in_flight, self._keys.outbox(kind, "digest")),
                    *(self._keys.result(message.id), self._keys.history(kind)),
                    *(self._keys.troubles, self._keys.folded(kind), self._keys.refused(kind), self._keys.callbacks),
                    *(self._keys.dead_letters(kind), self._keys.memory),
                ],
                args=[
                    # as it stands: Markdown of it that is cut could take in other lines
                    *(message.id, as_result(ended), stamp, plain(cut(message.title, TITLE_CHARACTERS))),
                    *(capacity(self._settings, kind), round(self._settings.history_days * 86_400)),
                    *(FOLDED_MAX, kind, TITLES_MAX, self._keys.notification(""), self._keys.result("")),
                    *(terms.callbacks, size, *self._memory[kind], json.dumps(counter_names(self._keys)), digest),
                ],
            )
        return str(answer)

    def admit(self, alert_type: AlertType) -> bool:
        """Admit the digest of a type, if there is one and room for it, or it has waited for ``DIGEST_SECONDS``.

        Returns True if it was admitted. The outbox may then hold one more than its bound, never two.
        """
        notification_id = digest_id()
        waiting, delayed, in_flight, state, _ = self._keys.outbox_parts(alert_type)
        asked = {
            "id": notification_id,
            "alert_type": alert_type,
            "batch_key": measure(NotificationMessage(title="any", alert_type=alert_type)).batch_key,
            "notification_prefix": self._keys.notification(""),
            "capacity": capacity(self._settings, alert_type),
            "room": min(EMBEDS_MAX, self._settings.queue_size),
            "late": DIGEST_SECONDS * MICROSECONDS,
            "life": self._life_seconds * 1_000,
            "titles_shown": TITLES_SHOWN,
            "characters_max": DESCRIPTION_CHARACTERS_MAX,
            "severity": Severity.WARNING,
            "lease": microseconds(lease_seconds(self._settings)),
            "witness": microseconds(WITNESS_SECONDS),
        }
        with broker_errors():
            return bool(
                self._digest(
                    keys=[
                        *(self._keys.notification(notification_id), waiting, delayed, in_flight, state),
                        *(self._keys.outbox(alert_type, "digest"), self._keys.sequence, self._keys.memory),
                        *(self._keys.run, self._keys.workers),
                    ],
                    args=[json.dumps(asked)],
                )
            )


def digest_id() -> str:
    """A new one."""
    return f"digest-{new_id()}"
