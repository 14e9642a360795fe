"""The parts that an application's call needs, put together."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from celery import Celery

from notifier.built_once import built_once
from notifier.errors import BrokerUnavailable
from notifier.outbox.admission import Admission
from notifier.producer.captures import capture_of
from notifier.producer.client import Client
from notifier.producer.deadline import DeadlineExceeded, run_with_deadline
from notifier.producer.forks import forks_wait
from notifier.producer.publisher import Publisher, warn_once
from notifier.settings import Settings
from notifier.storage.connection import connect
from notifier.storage.keys import Keys
from notifier.storage.url import read_redis_url

# Imported where they are built: an application that submits alerts pays for no HTTP client.
if TYPE_CHECKING:
    import redis

    from notifier.jobs.register import JobRegister
    from notifier.jobs.terms import JobTerms
    from notifier.outbox.withdrawals import Withdrawal, Withdrawals
    from notifier.producer.control import AlertControl
    from notifier.producer.direct import Direct
    from notifier.producer.flusher import Flusher
    from notifier.producer.spool import Spool

T = TypeVar("T")

BUILD_SECONDS = 60
"""Ours: far above what importing takes."""


class Caller:
    """Builds each part when it is first asked for; nothing connects before that."""

    def __init__(self, app: Celery, configuration: Settings) -> None:
        self.app = app
        self.settings = configuration
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
    def jobs(self) -> "JobRegister":
        """When jobs were started, and how they ended."""
        from notifier.jobs.register import JobRegister

        return JobRegister(self.redis, self.settings)

    def start_job(self, name: str, run: str, terms: "JobTerms") -> None:
        """Note that a job is started; if an alert says that it was not, another says now that it was.

        Raises:
            BrokerUnavailable: Redis did not answer.
        """
        known = self._note_job(lambda register: register.get(name))
        if known is not None and known.is_told:
            from notifier.jobs.overdue import started_again

            self.client.submit(started_again(known))  # first: it is told still if this process ends here
        self._note_job(lambda register: register.started(name, run, terms))

    def end_job(self, name: str, run: str, outcome: str, exit_code: int | None = None) -> None:
        """Note how a run has ended. Raises: as ``start_job``."""
        self._note_job(lambda register: register.ended(name, run, outcome, exit_code))

    def expect_job(self, name: str, terms: "JobTerms") -> None:
        """Expect a job of which nothing is known. Raises: as ``start_job``."""
        self._note_job(lambda register: register.expected(name, terms))

    def _note_job(self, step: "Callable[[JobRegister], T]") -> T | None:
        """Do a step of the register, in time; nothing if the alerts of this process go no further than it."""
        if capture_of(self.settings) or self.app.conf.task_always_eager:
            return None
        try:
            return run_with_deadline(self.settings.publish_timeout_seconds, lambda: step(self.jobs))
        except DeadlineExceeded:
            raise BrokerUnavailable("Redis did not answer in time") from None

    @built_once
    def withdrawals(self) -> "Withdrawals":
        """Takes back what waits."""
        from notifier.outbox.withdrawals import Withdrawals

        return Withdrawals(self.redis, self.settings)

    def withdraw(self, ids: Sequence[str], by: str = "") -> "dict[str, Withdrawal]":
        """Withdraw alerts; what that came to, by id. Arguments and errors: as ``producer.control.withdraw_in_time``."""
        from notifier.producer.control import withdraw_in_time

        place = read_redis_url("REDIS_URL", self.settings.redis_url.get_secret_value()).place
        return withdraw_in_time(self.withdrawals, ids, self.settings.publish_timeout_seconds, place, by)

    def _control(self, app: Celery) -> "AlertControl":
        from notifier.producer.control import AlertControl

        return AlertControl(app, self.withdraw)

    @built_once
    def publisher(self) -> Publisher:
        """Admits and dispatches, on a separate connection: all steps together must fit the deadline."""
        return self._publisher()

    def _publisher(self) -> Publisher:
        from notifier.outbox.digest import Digests
        from notifier.outbox.records import Records

        limit, url = self.settings.publish_timeout_seconds, self.settings.redis_url.get_secret_value()
        client = connect(url, limit * 0.4)
        return Publisher(
            self.app,
            Admission(client, self.settings),
            Records(client, self.settings),
            Digests(client, self.settings) if self.settings.queue_overflow == "digest" else None,
            self.keys,
            limit * 0.2,
            one_redis=self.settings.broker_url in {None, self.settings.redis_url},
        )

    @built_once
    def spool(self) -> "Spool | None":
        """Where alerts wait while Redis is away, if anywhere."""
        if (folder := self.settings.spool_dir) is None:
            return None
        from notifier.producer.spool import Spool

        return Spool(folder, self.settings.spool_max, bytes_max=self.settings.spool_bytes_max)

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
        import notifier.render.batch
        import notifier.render.split  # noqa: F401 - many calls need what draws, and few programs that only import us

        going_on = "This process raises alerts all the same; a worker would not start."
        warn_once(
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
