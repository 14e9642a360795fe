"""The parts, put together: one per process and Celery application."""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from celery import Celery

from notifier.after_fork import after_fork
from notifier.built_once import built_once
from notifier.caller import Caller
from notifier.settings import Settings, settings
from notifier.storage.broker import client_app
from notifier.storage.connection import connect
from notifier.storage.url import read_redis_url

# Imported where they are built: an application that submits alerts pays for no HTTP client, worker or administration.
if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from notifier.discord import DiscordClient
    from notifier.gate.admin import Gate
    from notifier.models import AlertType
    from notifier.operations.audit import Audit
    from notifier.operations.checks import CheckReport, LastAnswers
    from notifier.operations.dead_letters import DeadLetters
    from notifier.operations.explain import Step
    from notifier.operations.gate_switch import GateSwitch
    from notifier.operations.health import Health
    from notifier.operations.history import NotificationHistory
    from notifier.outbox.digest import Digests
    from notifier.outbox.heartbeat import Heartbeat
    from notifier.outbox.outbox import Outbox
    from notifier.outbox.records import Records
    from notifier.outbox.silences import Silences
    from notifier.outbox.unreadable import Unreadable, UnreadableEntries
    from notifier.storage.retention import Findings
    from notifier.worker.announce import Announcer
    from notifier.worker.callbacks import Callbacks
    from notifier.worker.delivery import DeliveryWorker
    from notifier.worker.outside_heartbeat import OutsideHeartbeat
    from notifier.worker.reconciliation import Reconciliation
    from notifier.worker.self_monitor import SelfMonitor
    from notifier.worker.sweep import Sweep


class Pipeline(Caller):
    """Builds each part when it is first asked for; nothing connects before that. A forked process builds its own."""

    def __init__(self, app: Celery, configuration: Settings) -> None:
        super().__init__(app, configuration)
        self.hostname: str | None = None
        """The name of the worker, if this process is one."""
        after_fork(self.leave_to_parent)

    @built_once
    def outbox(self) -> "Outbox":
        """Where notifications wait."""
        from notifier.outbox.outbox import Outbox

        return Outbox(self.redis, self.settings)

    @built_once
    def heartbeat(self) -> "Heartbeat":
        """The heartbeat, on a separate connection with a shorter timeout."""
        from notifier.outbox.heartbeat import BEAT_TIMEOUT_SECONDS, Heartbeat

        client = connect(self.settings.redis_url.get_secret_value(), BEAT_TIMEOUT_SECONDS)
        return Heartbeat(client, self.keys, lambda until: self.reconciliation(until))

    @built_once
    def reconciliation(self) -> "Reconciliation":
        """Does again what Redis may have forgotten."""
        from notifier.worker.reconciliation import Reconciliation

        return Reconciliation(self.outbox, self.publisher)

    @built_once
    def gate(self) -> "Gate":
        """Whether a request may go."""
        from notifier.gate.admin import Gate

        return Gate(self.redis, self.settings)

    @built_once
    def discord(self) -> "DiscordClient":
        """The HTTP client."""
        from notifier.discord import DiscordClient

        return DiscordClient(self.settings.api_url, self.settings.timeout_seconds)

    @built_once
    def records(self) -> "Records":
        """What became of notifications, by id."""
        from notifier.outbox.records import Records

        return Records(self.redis, self.settings)

    @built_once
    def history(self) -> "NotificationHistory":
        """What became of them."""
        from notifier.operations.history import NotificationHistory

        return NotificationHistory(self.redis, self.records, self.settings)

    @built_once
    def digests(self) -> "Digests":
        """What met a full outbox."""
        from notifier.outbox.digest import Digests

        return Digests(self.redis, self.settings)

    @built_once
    def delivery_worker(self) -> "DeliveryWorker":
        """Delivers what waits in the outboxes."""
        from notifier.worker.delivery import DeliveryWorker

        worker = DeliveryWorker(
            *(self.outbox, self.heartbeat, self.gate, self.discord, self.settings, self.announcer),
            wake_up=self.publisher.wake_up,
        )
        worker.hanging.tell = self.announcer.hangs
        return worker

    @built_once
    def announcer(self) -> "Announcer":
        """Signals and events."""
        from notifier.outbox.unannounced import Unannounced
        from notifier.worker.announce import Announcer
        from notifier.worker.events import EventSender

        events = EventSender(self.app, self.publisher)
        events.hostname = self.hostname
        return Announcer(self.app, self.callbacks, events, Unannounced(self.redis, self.keys, self.records))

    @built_once
    def callbacks(self) -> "Callbacks":
        """Calls what hangs on alerts that are final."""
        from notifier.outbox.callbacks import PendingCallbacks
        from notifier.storage.broker import callback_app
        from notifier.worker.callbacks import Callbacks

        app = callback_app(self.settings.callback_queue)
        return Callbacks(app, self.app, PendingCallbacks(self.redis, self.settings), self.records)

    @built_once
    def self_monitor(self) -> "SelfMonitor":
        """Raises the pipeline's own troubles as alerts."""
        from notifier.worker.redis_watch import RedisWatch
        from notifier.worker.self_monitor import SelfMonitor

        watch = RedisWatch(self.redis, self.keys, self.inspect_redis)
        return SelfMonitor(self.redis, self.settings, self.publisher, self.gate, watch)

    @built_once
    def sweep(self) -> "Sweep":
        """The periodic look for what no delivery task will come for."""
        from notifier.outbox.reminders import Reminders
        from notifier.worker.job_watch import JobWatch
        from notifier.worker.reminder_watch import ReminderWatch
        from notifier.worker.silence_watch import SilenceWatch
        from notifier.worker.sweep import Sweep

        job_watch, silence_watch = JobWatch(self.jobs, self.client), SilenceWatch(self.silences, self.client)
        reminders = Reminders(self.redis, self.settings)
        reminder_watch = ReminderWatch(reminders, self.withdrawals, self.client, self.settings)
        steps = (self.records.prune, self.self_monitor.report, self.client.flush, self.callbacks.call_missed)
        watches = (job_watch.report, silence_watch.report, reminder_watch.report, self.announcer.ended_elsewhere)
        last = self._outside_heartbeat()
        return Sweep(self.outbox, self.digests, self.publisher, (*steps, *watches, *last))

    def _outside_heartbeat(self) -> "tuple[OutsideHeartbeat, ...]":
        """Only where there is somebody to be called."""
        if self.settings.heartbeat_url is None:
            return ()
        from notifier.operations.outboxes import outboxes
        from notifier.worker.outside_heartbeat import OutsideHeartbeat

        def stuck() -> "list[AlertType]":
            return [each.alert_type for each in outboxes(self.redis, self.keys) if each.stuck_since]

        url, seconds = self.settings.heartbeat_url, self.settings.heartbeat_seconds
        return (OutsideHeartbeat(self.redis, self.keys, url, seconds, stuck),)

    @built_once
    def silences(self) -> "Silences":
        """What is not to be posted for a while."""
        from notifier.outbox.silences import Silences

        return Silences(self.redis, self.settings)

    @built_once
    def dead_letters(self) -> "DeadLetters":
        """What could not be delivered."""
        from notifier.operations.dead_letters import DeadLetters

        return DeadLetters(self.redis, self.settings, self.records, self.publisher)

    @built_once
    def audit(self) -> "Audit":
        """Who did what."""
        from notifier.operations.audit import Audit

        return Audit(self.redis, self.keys)

    @built_once
    def gate_switch(self) -> "GateSwitch":
        """Opens, closes and resets gates."""
        from notifier.operations.gate_switch import GateSwitch

        return GateSwitch(self.gate, self.outbox, self.publisher, self.settings, self.audit)

    @built_once
    def unreadable(self) -> "UnreadableEntries":
        """What lay in the queues and was no message of a task."""
        from notifier.outbox.unreadable import UnreadableEntries

        return UnreadableEntries(self.redis, self.settings)

    def put_back(self, entry: "Unreadable") -> None:
        """Put one of them back into its queue. Raises: as ``operations.unreadable``."""
        from notifier.operations.unreadable import put_back

        put_back(self.app, self.unreadable, entry, self.settings.publish_timeout_seconds)

    def leave_to_parent(self) -> None:
        """In a forked process: build all parts anew."""
        # threads of the parent held their locks and connections in any state; not dropped, for closing such a
        # connection may say so to its server
        inherited = dict(vars(self))
        vars(self).clear()
        kept = {name: inherited[name] for name in ("app", "settings", "hostname")}
        vars(self).update(kept, _inherited=inherited)

    @built_once
    def last_answers(self) -> "LastAnswers":
        """What Discord has told this process of its webhooks while Redis was away."""
        from notifier.operations.checks import LastAnswers

        return LastAnswers(self.discord)

    def check(self, *, patient: bool = False) -> "CheckReport":
        """Whether it is configured, and works. Posts nothing.

        ``patient``: a worker that was heard of lately has a moment to be heard again.
        """
        from notifier.operations.checks import check
        from notifier.outbox.fleet import read_fleet, read_fleet_patiently

        own, fleet = self.settings, partial(read_fleet_patiently if patient else read_fleet, self.redis, self.keys)
        parts = self.redis, self.gate, self.discord, own.webhooks, own.wrong_webhooks, self.inspect_redis
        return check(*parts, self.last_answers, fleet, own.further_webhooks)

    def metrics(self) -> "list[Metric]":
        """What was counted, and how things are now. Redis may be away."""
        from notifier.operations.metrics import metrics

        return metrics(self.redis, self.keys, self.gate, self.settings, self.spool)

    def health(self) -> "Health":
        """The same, and everything else that can be looked at from here. Posts nothing."""
        from notifier.operations.health import Health, seen
        from notifier.operations.spool_state import spool_state
        from notifier.operations.template_check import template_problems

        own, report = self.settings, self.check(patient=True)
        found = seen(self.redis, self.keys, read_redis_url("REDIS_URL", own.redis_url.get_secret_value()).place)
        spool = spool_state(self.spool, own.spool_dir) if self.spool and own.spool_dir else None
        return Health(report, found, spool, template_problems(own), own.warnings, own.rate_limit_per_minute)

    def inspect_redis(self, queues: Sequence[str] = ()) -> "Findings":
        """Whether Redis keeps what it is given. Raises: as ``storage.retention.inspect``."""
        from notifier.storage.retention import inspect

        return inspect(self.settings, queues)

    def explain(self, notification_id: str) -> "list[Step]":
        """The life of one alert. Raises: as ``operations.explain``."""
        from notifier.operations.explain import explain

        return explain(self.redis, self.keys, self.records, notification_id)


@lru_cache(maxsize=1)
def client_pipeline() -> Pipeline:
    """The one pipeline of this process: of callers, of those who read what became of alerts, and of the tasks."""
    return Pipeline(client_app(), settings())
