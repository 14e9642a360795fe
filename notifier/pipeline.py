"""The parts, put together: one per process and Celery application."""

import logging
import os
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakSet

from celery import Celery

from notifier.built_once import built_once
from notifier.gate.admin import Gate
from notifier.outbox.callbacks import PendingCallbacks
from notifier.outbox.digest import Digests
from notifier.outbox.fleet import read_fleet
from notifier.outbox.heartbeat import BEAT_TIMEOUT_SECONDS, Heartbeat
from notifier.outbox.outbox import Outbox
from notifier.outbox.records import Records
from notifier.outbox.unreadable import Unreadable, UnreadableEntries
from notifier.outbox.withdrawals import Withdrawal, Withdrawals
from notifier.producer.client import Client
from notifier.producer.deadline import run_with_deadline
from notifier.producer.forks import forks_wait
from notifier.producer.publisher import Publisher
from notifier.settings import Settings, settings
from notifier.storage.broker import client_app
from notifier.storage.connection import connect
from notifier.storage.keys import Keys
from notifier.storage.retention import Findings, inspect
from notifier.storage.url import read_redis_url

# Imported where they are built: an application that submits alerts pays for no HTTP client, worker or administration.
if TYPE_CHECKING:
    import redis

    from notifier.discord import DiscordClient
    from notifier.operations.checks import CheckReport, LastAnswers
    from notifier.operations.dead_letters import DeadLetters
    from notifier.operations.explain import Step
    from notifier.operations.history import NotificationHistory
    from notifier.producer.control import AlertControl
    from notifier.producer.direct import Direct
    from notifier.producer.flusher import Flusher
    from notifier.producer.spool import Spool
    from notifier.worker.announce import Announcer
    from notifier.worker.callbacks import Callbacks
    from notifier.worker.delivery import DeliveryWorker
    from notifier.worker.reconciliation import Reconciliation
    from notifier.worker.self_monitor import SelfMonitor
    from notifier.worker.sweep import Sweep


logger = logging.getLogger(__name__)

BUILD_SECONDS = 60
"""Ours: far above what importing takes."""


class Pipeline:
    """Builds each part when it is first asked for; nothing connects before that. A forked process builds its own."""

    def __init__(self, app: Celery, configuration: Settings) -> None:
        self.app = app
        self.settings = configuration
        self.hostname: str | None = None
        """The name of the worker, if this process is one."""
        _pipelines.add(self)
        cast("Any", app).control_cls = self._control  # Celery builds it when it is first asked for
        if configuration.direct_fallback:
            import notifier.producer.direct  # noqa: F401 - the import would use up the deadline of the call that posts

    @built_once
    def keys(self) -> Keys:
        """The names of all keys."""
        return Keys(self.settings.key_prefix)

    @built_once
    def redis(self) -> "redis.Redis":
        """The connection that outbox, gate and history share."""
        return connect(self.settings.redis_url.get_secret_value(), self.settings.publish_timeout_seconds)

    @built_once
    def outbox(self) -> Outbox:
        """Where notifications wait."""
        return Outbox(self.redis, self.settings)

    @built_once
    def heartbeat(self) -> Heartbeat:
        """The heartbeat, on a separate connection with a shorter timeout."""
        client = connect(self.settings.redis_url.get_secret_value(), BEAT_TIMEOUT_SECONDS)
        return Heartbeat(client, self.keys, lambda until: self.reconciliation(until))

    @built_once
    def reconciliation(self) -> "Reconciliation":
        """Does again what Redis may have forgotten."""
        from notifier.worker.reconciliation import Reconciliation

        return Reconciliation(self.outbox, self.publisher)

    @built_once
    def gate(self) -> Gate:
        """Whether a request may go."""
        return Gate(self.redis, self.settings)

    @built_once
    def discord(self) -> "DiscordClient":
        """The HTTP client."""
        from notifier.discord import DiscordClient

        return DiscordClient(self.settings.api_url, self.settings.timeout_seconds)

    @built_once
    def records(self) -> Records:
        """What became of notifications, by id."""
        return Records(self.redis, self.settings)

    @built_once
    def history(self) -> "NotificationHistory":
        """What became of them."""
        from notifier.operations.history import NotificationHistory

        return NotificationHistory(self.redis, self.records, self.settings)

    @built_once
    def digests(self) -> Digests:
        """What met a full outbox."""
        return Digests(self.redis, self.settings)

    @built_once
    def withdrawals(self) -> Withdrawals:
        """Takes back what waits."""
        return Withdrawals(self.redis, self.settings)

    def withdraw(self, ids: Sequence[str]) -> dict[str, Withdrawal]:
        """Withdraw alerts; what that came to, by id. Raises: as ``producer.control.withdraw_in_time``."""
        from notifier.producer.control import withdraw_in_time

        place = read_redis_url("REDIS_URL", self.settings.redis_url.get_secret_value()).place
        return withdraw_in_time(self.withdrawals, ids, self.settings.publish_timeout_seconds, place)

    def _control(self, app: Celery) -> "AlertControl":
        from notifier.producer.control import AlertControl

        return AlertControl(app, self.withdraw)

    @built_once
    def publisher(self) -> Publisher:
        """Admits and dispatches, on a separate connection: all steps together must fit the deadline."""
        return self._publisher()

    def _publisher(self) -> Publisher:
        limit, url = self.settings.publish_timeout_seconds, self.settings.redis_url.get_secret_value()
        client = connect(url, limit * 0.4)
        return Publisher(
            self.app,
            Outbox(client, self.settings),
            Records(client, self.settings),
            Digests(client, self.settings) if self.settings.queue_overflow == "digest" else None,
            self.keys,
            limit * 0.2,
        )

    @built_once
    def spool(self) -> "Spool | None":
        """Where alerts wait while Redis is away, if anywhere."""
        if (folder := self.settings.spool_dir) is None:
            return None
        from notifier.producer.spool import Spool

        return Spool(folder, self.settings.spool_max)

    @built_once
    def flusher(self) -> "Flusher | None":
        """Empties the spool, if there is one: in one thread of this process, whoever starts it."""
        if self.spool is None:
            return None
        from notifier.producer.flusher import Flusher

        return Flusher(self.spool, self.publisher.submit_spooled)

    @built_once
    def client(self) -> Client:
        """Where applications submit alerts."""
        # a signal handler that raises an alert meanwhile would meet half imported modules of its own thread; not here
        with forks_wait():
            return run_with_deadline(BUILD_SECONDS, self._first_client)

    def _first_client(self) -> Client:
        self.app.backend  # noqa: B018 - imports its module
        going_on = "This process raises alerts all the same; a worker would not start."
        _warn_of(
            *(f"{each}. {going_on}" for each in self.settings.wrong_webhooks.values()),
            *(self.settings.warnings if self.settings.direct_fallback else ()),  # it posts only then
        )
        return self._client(self.publisher)

    def _client(self, publisher: Publisher) -> Client:
        return Client(
            *(self.app, publisher, self.settings, self.flusher),
            direct=lambda: self.direct,
            another=lambda: self._client(self._publisher()),
        )

    @built_once
    def direct(self) -> "Direct":
        """Posts alerts from this process; one, for it counts what was sent."""
        from notifier.discord import DiscordClient
        from notifier.producer.direct import Direct

        seconds = min(self.settings.timeout_seconds, self.settings.publish_timeout_seconds / 2)
        return Direct(DiscordClient(self.settings.api_url, seconds), self.settings)

    @built_once
    def delivery_worker(self) -> "DeliveryWorker":
        """Delivers what waits in the outboxes."""
        from notifier.worker.delivery import DeliveryWorker

        return DeliveryWorker(
            *(self.outbox, self.heartbeat, self.gate, self.discord, self.settings, self.announcer),
            wake_up=self.publisher.wake_up,
        )

    @built_once
    def announcer(self) -> "Announcer":
        """Signals and events."""
        from notifier.worker.announce import Announcer

        announcer = Announcer(self.app, self.callbacks)
        announcer.hostname = self.hostname
        return announcer

    @built_once
    def callbacks(self) -> "Callbacks":
        """Calls what hangs on alerts that are final."""
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
        from notifier.worker.sweep import Sweep

        return Sweep(
            self.outbox, self.digests, self.records, self.publisher, self.self_monitor, self.client, self.callbacks
        )

    @built_once
    def dead_letters(self) -> "DeadLetters":
        """What could not be delivered."""
        from notifier.operations.dead_letters import DeadLetters

        return DeadLetters(self.redis, self.settings, self.records, self.publisher)

    @built_once
    def unreadable(self) -> UnreadableEntries:
        """What lay in the queues and was no message of a task."""
        return UnreadableEntries(self.redis, self.settings)

    def put_back(self, entry: Unreadable) -> None:
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

    def check(self) -> "CheckReport":
        """Whether it is configured, and works. Posts nothing."""
        from notifier.operations.checks import check

        own, fleet = self.settings, partial(read_fleet, self.redis, self.keys)
        parts = self.redis, self.gate, self.discord, own.webhooks, own.wrong_webhooks, self.inspect_redis
        return check(*parts, self.last_answers, fleet)

    def inspect_redis(self, queues: Sequence[str] = ()) -> Findings:
        """Whether Redis keeps what it is given. Raises: as ``storage.retention.inspect``."""
        return inspect(self.settings, queues)

    def explain(self, notification_id: str) -> "list[Step]":
        """The life of one alert. Raises: as ``operations.explain``."""
        from notifier.operations.explain import explain

        return explain(self.redis, self.keys, self.records, notification_id)


@lru_cache  # once, in forked processes too
def _warn_of(*texts: str) -> None:
    for each in texts:
        logger.warning("%s", each)


_pipelines: WeakSet[Pipeline] = WeakSet()


def _after_fork() -> None:
    for each in _pipelines:
        each.leave_to_parent()


os.register_at_fork(after_in_child=_after_fork)


@lru_cache(maxsize=1)
def client_pipeline() -> Pipeline:
    """The one pipeline of this process: of callers, of those who read what became of alerts, and of the tasks."""
    return Pipeline(client_app(), settings())
