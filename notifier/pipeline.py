"""The parts, put together: one per process and Celery application."""

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from celery import Celery

from notifier.gate.admin import Gate
from notifier.outbox.callbacks import PendingCallbacks
from notifier.outbox.digest import Digests
from notifier.outbox.heartbeat import BEAT_TIMEOUT_SECONDS, Heartbeat
from notifier.outbox.outbox import Outbox
from notifier.outbox.records import Records
from notifier.outbox.unreadable import Unreadable, UnreadableEntries
from notifier.producer.client import Client
from notifier.producer.publisher import Publisher
from notifier.settings import Settings, settings
from notifier.storage.broker import client_app
from notifier.storage.connection import connect
from notifier.storage.keys import Keys

# Imported where they are built: an application that submits alerts pays for no HTTP client, worker or administration.
if TYPE_CHECKING:
    import redis

    from notifier.discord import DiscordClient
    from notifier.operations.checks import CheckReport
    from notifier.operations.dead_letters import DeadLetters
    from notifier.operations.explain import Step
    from notifier.operations.history import NotificationHistory
    from notifier.producer.direct import Direct
    from notifier.producer.spool import Spool
    from notifier.worker.announce import Announcer
    from notifier.worker.callbacks import Callbacks
    from notifier.worker.delivery import DeliveryWorker
    from notifier.worker.self_monitor import SelfMonitor
    from notifier.worker.sweep import Sweep


class Pipeline:
    """Builds each part when it is first asked for; nothing connects before that."""

    def __init__(self, app: Celery, configuration: Settings) -> None:
        self.app = app
        self.settings = configuration
        if configuration.direct_fallback:
            import notifier.producer.direct  # noqa: F401 - the import would use up the deadline of the call that posts

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
        """The heartbeat, on a separate connection with a shorter timeout."""
        return Heartbeat(connect(self.settings.redis_url.get_secret_value(), BEAT_TIMEOUT_SECONDS), self.keys)

    @cached_property
    def gate(self) -> Gate:
        """Whether a request may go."""
        return Gate(self.redis, self.settings)

    @cached_property
    def discord(self) -> "DiscordClient":
        """The HTTP client."""
        from notifier.discord import DiscordClient

        return DiscordClient(self.settings.api_url, self.settings.timeout_seconds)

    @cached_property
    def records(self) -> Records:
        """What became of notifications, by id."""
        return Records(self.redis, self.settings)

    @cached_property
    def history(self) -> "NotificationHistory":
        """What became of them."""
        from notifier.operations.history import NotificationHistory

        return NotificationHistory(self.redis, self.records, self.settings)

    @cached_property
    def digests(self) -> Digests:
        """What met a full outbox."""
        return Digests(self.redis, self.settings)

    @cached_property
    def publisher(self) -> Publisher:
        """Admits and dispatches, on a separate connection: all steps together must fit the deadline."""
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
    def spool(self) -> "Spool | None":
        """Where alerts wait while Redis is away, if anywhere."""
        if (folder := self.settings.spool_dir) is None:
            return None
        from notifier.producer.spool import Spool

        return Spool(folder, self.settings.spool_max)

    @cached_property
    def client(self) -> Client:
        """Where applications submit alerts."""
        return Client(self.app, self.publisher, self.settings, self.spool, self._direct)

    def _direct(self) -> "Direct":
        from notifier.discord import DiscordClient
        from notifier.producer.direct import Direct

        seconds = min(self.settings.timeout_seconds, self.settings.publish_timeout_seconds / 2)
        return Direct(DiscordClient(self.settings.api_url, seconds), self.settings)

    @cached_property
    def delivery_worker(self) -> "DeliveryWorker":
        """Delivers what waits in the outboxes."""
        from notifier.worker.delivery import DeliveryWorker

        return DeliveryWorker(self.outbox, self.heartbeat, self.gate, self.discord, self.settings, self.announcer)

    @cached_property
    def announcer(self) -> "Announcer":
        """Signals and events."""
        from notifier.worker.announce import Announcer

        return Announcer(self.app, self.callbacks)

    @cached_property
    def callbacks(self) -> "Callbacks":
        """Calls what hangs on alerts that are final."""
        from notifier.storage.broker import callback_app
        from notifier.worker.callbacks import Callbacks

        app = callback_app(self.settings.callback_queue)
        return Callbacks(app, PendingCallbacks(self.redis, self.settings), self.records)

    @cached_property
    def self_monitor(self) -> "SelfMonitor":
        """Raises the pipeline's own troubles as alerts."""
        from notifier.worker.self_monitor import SelfMonitor

        return SelfMonitor(self.redis, self.settings, self.publisher, self.gate)

    @cached_property
    def sweep(self) -> "Sweep":
        """The periodic look for what no delivery task will come for."""
        from notifier.worker.sweep import Sweep

        return Sweep(
            self.outbox, self.digests, self.records, self.publisher, self.self_monitor, self.client, self.callbacks
        )

    @cached_property
    def dead_letters(self) -> "DeadLetters":
        """What could not be delivered."""
        from notifier.operations.dead_letters import DeadLetters

        return DeadLetters(self.redis, self.settings, self.records, self.publisher)

    @cached_property
    def unreadable(self) -> UnreadableEntries:
        """What lay in the queues and was no message of a task."""
        return UnreadableEntries(self.redis, self.settings)

    def put_back(self, entry: Unreadable) -> None:
        """Put one of them back into its queue. Raises: as ``operations.unreadable``."""
        from notifier.operations.unreadable import put_back

        put_back(self.app, self.unreadable, entry, self.settings.publish_timeout_seconds)

    def check(self) -> "CheckReport":
        """Whether it is configured, and works. Posts nothing."""
        from notifier.operations.checks import check

        return check(self.redis, self.gate, self.discord, self.settings.webhooks)

    def explain(self, notification_id: str) -> "list[Step]":
        """The life of one alert. Raises: as ``operations.explain``."""
        from notifier.operations.explain import explain

        return explain(self.redis, self.keys, self.records, notification_id)


@lru_cache(maxsize=1)
def client_pipeline() -> Pipeline:
    """The one pipeline of this process: of callers, of those who read what became of alerts, and of the tasks."""
    return Pipeline(client_app(), settings())
