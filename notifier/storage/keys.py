"""Every key name in Redis, with its type, its writer and its life. ``docs/architecture.md`` lists them too.

All of them begin with ``NOTIFIER_KEY_PREFIX``; so do the names of queues and results unless it is the default.
"""

from functools import lru_cache
from typing import NamedTuple

from notifier.models import AlertType
from notifier.routing import ROUTES, Partition
from notifier.settings import DEFAULT_KEY_PREFIX

WAITING_LIFE_SECONDS = 30 * 86_400
"""Life of an outbox that is no longer used."""
DEAD_LETTER_LIFE_SECONDS = 30 * 86_400
AUDIT_LIFE_SECONDS = 90 * 86_400
"""Of what people did."""
RESULT_PREFIX = "celery-task-meta-"
"""Celery's own name of a result (celery.backends.base.KeyValueStoreBackend.task_keyprefix)."""


class Keys(NamedTuple):
    """The names that begin with one prefix."""

    prefix: str = DEFAULT_KEY_PREFIX

    @property
    def own_prefix(self) -> str:
        """The prefix of names that Celery would give otherwise: empty if the prefix is the default."""
        return "" if self.prefix == DEFAULT_KEY_PREFIX else self.prefix

    def queue(self, alert_type: AlertType) -> str:
        """The Celery queue of one alert type."""
        return f"{self.own_prefix}{ROUTES[alert_type].queue}"

    def result(self, notification_id: str) -> str:
        """String: the record, as Celery's result; also the channel on which waiting callers are notified."""
        # as Celery does (KeyValueStoreBackend._add_global_keyprefix): it sets a prefix off if nothing else does
        prefix = self.own_prefix
        separator = "_" if prefix and prefix[-1] not in ":_-." else ""
        return f"{prefix}{separator}{RESULT_PREFIX}{notification_id}"

    @property
    def unacked(self) -> str:
        """Hash: messages that workers hold (kombu's). ``…_index``: sorted set by time. ``…_mutex``: string."""
        return f"{self.prefix}unacked"

    @property
    def task_exchange(self) -> str:
        """What feeds the queues, each by its own name. Version 0.2 used another one, which feeds all six at once."""
        return f"{self.own_prefix}notifications"

    @property
    def control_exchange(self) -> str:
        """What Celery's remote control (``inspect``, ``revoke``, ``shutdown``) travels through."""
        return f"{self.own_prefix}notifier"

    @property
    def event_exchange(self) -> str:
        """What Celery's events (for Flower) travel through; also the beginning of their receivers' queues."""
        return f"{self.own_prefix}notifier.events"

    def notification(self, notification_id: str) -> str:
        """Hash: one notification: its message while it waits, its attempts and events."""
        return f"{self.prefix}notification:{notification_id}"

    def outbox(self, partition: Partition | AlertType | str, part: str) -> str:
        """``waiting delayed in_flight``: sorted sets of ids; ``state digest``: hashes; ``wake_up``: string.

        A type's own name is that of its first partition; ``digest`` and ``partitions`` (a hash) are of the whole type.
        """
        return f"{self.prefix}outbox:{partition}:{part}"

    def outbox_parts(self, partition: Partition | AlertType | str) -> list[str]:
        """The five keys of an outbox, in the order in which the scripts expect them."""
        return list(_outbox_parts(self, partition))

    @property
    def sequence(self) -> str:
        """Counter: the order of admission, over all types."""
        return f"{self.prefix}outbox:sequence"

    @property
    def memory(self) -> str:
        """Hash: the bytes that wait in all outboxes, by alert type, as they were counted last."""
        return f"{self.prefix}outbox:memory"

    def worker(self, name: str) -> str:
        """String: the heartbeat of a process that delivers; its life is a few beats."""
        return f"{self.prefix}worker:{name}"

    def fleet(self, partition: Partition | AlertType | str) -> str:
        """Hash: what each living worker that consumes this type's queue holds for it."""
        return f"{self.prefix}fleet:{partition}"

    def first_seen(self, partition: Partition | AlertType) -> str:
        """Sorted set: fingerprints of this type's webhook URLs, by when a worker first held them."""
        return f"{self.prefix}fleet:{partition}:first_seen"

    def undeliverable(self, partition: Partition | AlertType) -> str:
        """String: since when no living worker can deliver this type (microseconds since 1970, Redis' clock)."""
        return f"{self.prefix}fleet:{partition}:undeliverable"

    @property
    def workers(self) -> str:
        """Sorted set: the workers of the last day, each with its version, by the time of its last beat."""
        return f"{self.prefix}workers"

    @property
    def called(self) -> str:
        """String: NOTIFIER_HEARTBEAT_URL was called a moment ago."""
        return f"{self.prefix}called"

    @property
    def run(self) -> str:
        """Hash: the run of the Redis server; another one may have forgotten the last second of the one before."""
        return f"{self.prefix}run"

    @property
    def unrecorded(self) -> str:
        """Sorted set: ids whose result version 0.1 had not stored yet; this version empties it."""
        return f"{self.prefix}unrecorded"

    @property
    def adopted(self) -> str:
        """String: the history of version 0.1 was indexed by status lately."""
        return f"{self.prefix}adopted"

    def gate(self, webhook_id: str, part: str = "state") -> str:
        """``state pause read``: hashes; ``in_flight sent read_in_flight``: sorted sets of requests."""
        return f"{self.gate_prefix}{webhook_id}:{part}"

    @property
    def gate_prefix(self) -> str:
        """What ``gate`` begins with; the script knows the rest."""
        return f"{self.prefix}gate:webhook:"

    def gate_parts(self, webhook_id: str) -> list[str]:
        """The five keys of a gate, in the order in which the scripts expect them."""
        own = [self.gate(webhook_id, part) for part in ("state", "in_flight", "sent")]
        return [*own, self.edge, self.edge_sent]

    @property
    def channel_prefix(self) -> str:
        """A channel's sorted set of requests, and what is known of it behind its id: the script knows the names.

        ``…:blocked``, ``…:pause``: its pause. ``…:posted``: how many messages of ours it has.
        """
        return f"{self.prefix}gate:channel:"

    @property
    def pinged(self) -> str:
        """Hash: by alert type, when its mentions last pinged (microseconds since 1970, Redis' clock)."""
        return f"{self.prefix}pinged"

    @property
    def machines(self) -> str:
        """Sorted set: what is wrong with machines of the fleet, by the time at which it is forgotten."""
        return f"{self.prefix}machines"

    @property
    def edge(self) -> str:
        """Hash: a ban or global limit of this IP."""
        return f"{self.prefix}gate:edge"

    @property
    def edge_pause(self) -> str:
        """Hash: a global limit that is longer than a minute, and its probe."""
        return f"{self.prefix}gate:edge:pause"

    @property
    def edge_sent(self) -> str:
        """Sorted set: the requests of the last second, over all webhooks."""
        return f"{self.prefix}gate:edge:sent"

    def history(self, alert_type: AlertType | str, status: str = "") -> str:
        """Sorted set: ids of records by time (microseconds since 1970, Redis' clock); all, or those of one status."""
        return f"{self.prefix}history:{alert_type}" + (f":{status}" if status else "")

    def dead_letters(self, alert_type: AlertType | str) -> str:
        """Sorted set: ids of dead letters by time."""
        return f"{self.prefix}dead_letters:{alert_type}"

    @property
    def unreadable(self) -> str:
        """Sorted set: what lay in a queue and was no message of a task, by time."""
        return f"{self.prefix}unreadable"

    @property
    def troubles(self) -> str:
        """Hash: troubles not yet reported: ``cause|subject|detail`` and how often."""
        return f"{self.prefix}watch"

    @property
    def counters(self) -> str:
        """Hash: what became of alerts and requests, counted since it was last empty (gate/counters.lua)."""
        return f"{self.prefix}counters"

    def quarter(self, begins_at_seconds: int | str) -> str:
        """Hash: the same of one quarter of an hour, by the second since 1970 at which it begins."""
        return f"{self.prefix}counters:{begins_at_seconds}"

    def last_notified(self, cause: str) -> str:
        """String: this cause was reported; while the key lives it is not reported again."""
        return f"{self.prefix}watch:told:{cause}"

    def folded(self, alert_type: AlertType) -> str:
        """Sorted set: ids of folded alerts, by time."""
        return f"{self.prefix}folded:{alert_type}"

    def incident(self, alert_type: AlertType | str, digest: str) -> str:
        """Hash: one incident: how often and since when it came, and the message that shows it."""
        return f"{self.prefix}incident:{alert_type}:{digest}"

    def incidents(self, alert_type: AlertType | str) -> str:
        """Sorted set: the digests of incidents' keys, by when one was last heard of."""
        return f"{self.prefix}incidents:{alert_type}"

    @property
    def reminders(self) -> str:
        """Sorted set: incidents of which a reminder or an escalation is due, by when."""
        return f"{self.prefix}reminders"

    def repeated(self, alert_type: AlertType) -> str:
        """Sorted set: ids of alerts that are counted in the message of an incident, by time."""
        return f"{self.prefix}repeated:{alert_type}"

    @property
    def silences(self) -> str:
        """Hash: the silences (JSON) by id."""
        return f"{self.prefix}silences"

    def silence_counts(self, silence_id: str) -> str:
        """Hash: what one silence has kept away: ``count``, ``title:<title>``, ``others``."""
        return f"{self.prefix}silence:{silence_id}"

    def silenced(self, alert_type: AlertType) -> str:
        """Sorted set: ids of silenced alerts, by time."""
        return f"{self.prefix}silenced:{alert_type}"

    @property
    def audit(self) -> str:
        """Sorted set: what people did (JSON), by time."""
        return f"{self.prefix}audit"

    @property
    def callbacks(self) -> str:
        """Sorted set: ids that are final and whose callbacks are to be called, by the time from which a sweep may."""
        return f"{self.prefix}callbacks"

    @property
    def unannounced(self) -> str:
        """Sorted set: ids that no worker ended, and of whose end Flower is not told yet, by time."""
        return f"{self.prefix}unannounced"

    def job(self, name: str) -> str:
        """Hash: a job: when it was started, how it ended, when it is to be started again."""
        return f"{self.prefix}job:{name}"

    @property
    def jobs(self) -> str:
        """Sorted set: the names of jobs, by the time at which each is forgotten."""
        return f"{self.prefix}jobs"

    @property
    def jobs_due(self) -> str:
        """Sorted set: the names of jobs that are to be started again, by the time from which that is overdue."""
        return f"{self.prefix}jobs:due"

    def refusal(self, entry: str) -> str:
        """String: the record of an alert that version 0.1 refused."""
        return f"{self.prefix}refusal:{entry}"

    def refused(self, alert_type: AlertType) -> str:
        """Sorted set: ids of alerts that no outbox took, by time."""
        return f"{self.prefix}refused:{alert_type}"


@lru_cache(maxsize=256)  # of each claim
def _outbox_parts(keys: Keys, partition: Partition | AlertType | str) -> tuple[str, ...]:
    return tuple(keys.outbox(partition, part) for part in ("waiting", "delayed", "in_flight", "state", "wake_up"))
