"""The parts, put together: one per process and Celery application."""

from functools import cached_property, lru_cache

import redis
from celery import Celery

from notifier.discord import DiscordClient
from notifier.gate.admin import Gate
from notifier.operations.checks import CheckReport, check
from notifier.operations.dead_letters import DeadLetters
from notifier.operations.explain import Step, explain
from notifier.operations.history import NotificationHistory
from notifier.outbox.digest import Digests
from notifier.outbox.heartbeat import BEAT_TIMEOUT_SECONDS, Heartbeat
from notifier.outbox.outbox import Outbox
from notifier.outbox.records import Records
from notifier.producer.client import Client
from notifier.producer.direct import Direct
from notifier.producer.publisher import Publisher
from notifier.producer.spool import Spool
from notifier.settings import Settings, settings
from notifier.storage.broker import client_app
from notifier.storage.connection import connect
from notifier.storage.keys import Keys
from notifier.worker.self_monitor import SelfMonitor
from notifier.worker.sweep import Sweep


class Pipeline:
    """Builds each part when it is first asked for; nothing connects before that."""

    def __init__(self, app: Celery, configuration: Settings) -> None:
        self.app = app
        self.settings = configuration

    @cached_property
    def keys(self) -> Keys:
        """The names of all keys."""
        return Keys(self.settings.key_prefix)

    @cached_property
    def redis(self) -> "redis.Redis":
        """The connection that outbox, gate and history share."""
        return connect(self.settings.redis_url.get_secret_value(), self.settings.publish_timeout_seconds)

    @cached_property
    def outbox(self) -> Outbox:
        """Where notifications wait."""
        return Outbox(self.redis, self.settings)

    @cached_property
    def heartbeat(self) -> Heartbeat:
        """The sign of life, on a connection of its own: it must not wait for as long as others may."""
        return Heartbeat(connect(self.settings.redis_url.get_secret_value(), BEAT_TIMEOUT_SECONDS), self.keys)

    @cached_property
    def gate(self) -> Gate:
        """Whether a request may go."""
        return Gate(self.redis, self.settings)

    @cached_property
    def discord(self) -> DiscordClient:
        """The HTTP client."""
        return DiscordClient(self.settings.api_url, self.settings.timeout_seconds)

    @cached_property
    def records(self) -> Records:
        """What became of notifications, by id."""
        return Records(self.redis, self.settings)

    @cached_property
    def history(self) -> NotificationHistory:
        """What became of them."""
        return NotificationHistory(self.redis, self.records, self.settings)

    @cached_property
    def digests(self) -> Digests:
        """What met a full outbox."""
        return Digests(self.redis, self.settings)

    @cached_property
    def publisher(self) -> Publisher:
        """Where alerts are handed over: on a connection of its own, for all steps together must fit the deadline."""
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

    @cached_property
    def spool(self) -> Spool | None:
        """Where alerts wait while Redis is away, if anywhere."""
        folder = self.settings.spool_dir
        return Spool(folder, self.settings.spool_max) if folder else None

    @cached_property
    def client(self) -> Client:
        """Where applications raise alerts."""
        client = DiscordClient(
            self.settings.api_url, min(self.settings.timeout_seconds, self.settings.publish_timeout_seconds / 2)
        )
        return Client(self.app, self.publisher, self.settings, self.spool, Direct(client, self.settings))

    @cached_property
    def self_monitor(self) -> SelfMonitor:
        """Raises the pipeline's own troubles as alerts."""
        return SelfMonitor(self.redis, self.settings, self.publisher, self.gate)

    @cached_property
    def sweep(self) -> Sweep:
        """The periodic look for what no delivery task will come for."""
        return Sweep(self.outbox, self.digests, self.records, self.publisher, self.self_monitor, self.client)

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """What could not be delivered."""
        return DeadLetters(self.redis, self.settings, self.records, self.publisher)

    def check(self) -> CheckReport:
        """Whether it is configured, and works. Posts nothing."""
        return check(self.redis, self.gate, self.discord, self.settings.webhooks)

    def explain(self, notification_id: str) -> list[Step]:
        """The life of one alert. Raises: as ``operations.explain``."""
        return explain(self.redis, self.keys, self.records, notification_id)


@lru_cache(maxsize=1)
def client_pipeline() -> Pipeline:
    """The one pipeline of this process: of callers, of those who read what became of alerts, and of the tasks."""
    return Pipeline(client_app(), settings())
