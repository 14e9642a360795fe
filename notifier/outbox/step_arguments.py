"""The keys and arguments of claim.lua and commit.lua. What is the same for an outbox and a webhook is written once.

Prefixes are of key names; times are microseconds, lives seconds. The header of each script says what each one means.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from notifier.gate.counters import counter_names
from notifier.gate.gate import lease_seconds, limits, microseconds
from notifier.models import MESSAGE_BYTES_MAX
from notifier.outbox.callbacks import LEASE_SECONDS
from notifier.outbox.capacity import capacity
from notifier.outbox.claim import LEAVE_SECONDS, Batch, ClaimRequest
from notifier.outbox.collecting import COLLECTED_MAX
from notifier.outbox.fleet import fleet_names
from notifier.outbox.partitions import Choice
from notifier.outbox.payload import PAYLOAD_VERSION
from notifier.outbox.records import dead_letter_arguments
from notifier.outbox.steps import WITNESS_SECONDS, waiting_life_seconds
from notifier.render.limits import EMBEDS_MAX, EMBEDS_TOTAL_CHARACTERS_MAX, NOTE_CHARACTERS_MAX
from notifier.render.notes import LATE_SECONDS
from notifier.routing import Partition
from notifier.settings import Settings
from notifier.storage.keys import Keys
from notifier.texts import json_of
from notifier.webhook import Webhook

KEPT = 64
"""Ours: of more outboxes and webhooks than that, some are written anew each time."""


class Asked(NamedTuple):
    """What a script is called with; ``argument`` is its first one."""

    keys: list[str]
    argument: str


class _Same(NamedTuple):
    """What is the same: the keys, and the beginning of a JSON object."""

    keys: list[str]
    beginning: str

    def asked(self, **more: Any) -> Asked:
        return Asked(self.keys, f"{self.beginning}{json_of(more)[1:]}")


class StepArguments:
    """Those of one process.

    Args:
        given: in place of what its settings and this version say.
    """

    def __init__(self, settings: Settings, **given: Any) -> None:
        self._settings, self._keys = settings, Keys(settings.key_prefix)
        self._given = {
            "channel_prefix": self._keys.channel_prefix,
            "notification_prefix": self._keys.notification(""),
            "worker_prefix": self._keys.worker(""),
            "counters": counter_names(self._keys),
            "witness": microseconds(WITNESS_SECONDS),
            "life": waiting_life_seconds(settings),
            "version": PAYLOAD_VERSION,
            "embeds_max": EMBEDS_MAX,
            **given,
        }
        self._of_claims, self._of_commits = lru_cache(KEPT)(self._of_claim), lru_cache(KEPT)(self._of_commit)

    def of_claim(self, request: ClaimRequest, choice: Choice, **more: Any) -> Asked:
        """Those of claim.lua; ``more``: what is told of this claim alone."""
        same = self._of_claims(request.outbox, choice.number, choice.webhook)
        others = [each.id for each in choice.others]
        return same.asked(id=request.notification_id, wake_up=request.wake_up, others=others, **more)

    def of_commit(self, batch: Batch, **more: Any) -> Asked:
        """Those of commit.lua, without the results; ``more``: what is told of this commit alone."""
        return self._of_commits(batch.outbox, batch.webhook).asked(token=batch.token, **more)

    def _of_claim(self, outbox: Partition, number: int, webhook: Webhook | None) -> _Same:
        keys, settings, fleet = self._keys, self._settings, Partition(outbox.alert_type, number)
        undeliverable = microseconds(settings.undeliverable_seconds)
        has_fallback = settings.fallback_for(webhook) is not None
        return self._same(
            [
                *(*keys.outbox_parts(outbox), *keys.gate_parts(_id(webhook))),
                *(keys.troubles, keys.run, keys.workers),
                *(keys.fleet(fleet), keys.first_seen(fleet), keys.undeliverable(outbox), keys.pinged),
            ],
            {
                "alert_type": outbox.alert_type,
                "partition": outbox.number,
                "leave": microseconds(LEAVE_SECONDS),
                "lease": microseconds(lease_seconds(settings)),
                "expire": microseconds(settings.expire_seconds),
                "late": microseconds(LATE_SECONDS),
                "mention_quiet": microseconds(settings.mention_quiet_seconds),
                "gate": limits(settings, webhook),
                "fleet": {**fleet_names(keys), "undeliverable": undeliverable, "has_fallback": has_fallback},
                "capacity": capacity(settings, outbox.alert_type),
                "characters_max": EMBEDS_TOTAL_CHARACTERS_MAX,
                "note_characters": NOTE_CHARACTERS_MAX,
                "bytes_max": MESSAGE_BYTES_MAX,
                "collected_max": COLLECTED_MAX,
            },
        )

    def _of_commit(self, outbox: Partition, webhook: Webhook | None) -> _Same:
        keys, settings = self._keys, self._settings
        fallback = settings.fallback or outbox.alert_type
        return self._same(
            [
                *(*keys.outbox_parts(outbox), *keys.gate_parts(_id(webhook))),
                *(keys.sequence, keys.troubles),
                *(*keys.outbox_parts(fallback)[:3], keys.callbacks, keys.pinged, keys.memory),
            ],
            {
                **dead_letter_arguments(keys, settings),
                "history_prefix": keys.history(""),
                "gate": limits(settings, webhook),
                "retry_attempts": settings.retry_attempts,
                "fallback": settings.fallback,
                "fallback_capacity": capacity(settings, fallback),
                "callbacks_lease": microseconds(LEASE_SECONDS),
            },
        )

    def _same(self, keys: list[str], values: Mapping[str, Any]) -> _Same:
        return _Same(keys, json.dumps({**values, **self._given})[:-1] + ", ")


def _id(webhook: Webhook | None) -> str:
    return webhook.id if webhook else ""
