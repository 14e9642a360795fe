"""The Celery application, as ``celeryconfig`` describes it: one for each process."""

from contextlib import suppress
from functools import cached_property, lru_cache
from typing import Any, cast
from urllib.parse import urlsplit

from celery import Celery
from celery.app.utils import Settings, bugreport
from celery.result import AsyncResult
from kombu import Connection
from vine import promise

from notifier.application import load_celeryconfig
from notifier.errors import BrokerUnavailable
from notifier.raised import Raised
from notifier.storage.url import BrokerUrl, parse_broker_url

EAGER = "task_always_eager"
AMQP = "amqp://"
"""Celery's own default."""
LOCAL = ("127.0.0.1", "::1")


class Configuration(Settings):
    """Celery's settings as ``celeryconfig`` gives them.

    Celery reads four of them from the environment first. In an application's process those variables describe the
    application's own Celery. (``CELERY_BROKER_URL`` is ours as well; ``celeryconfig`` has read it.)
    """

    @property
    def broker_url(self) -> str:
        """Where dispatches travel."""
        return str(self["broker_url"])

    @property
    def broker_read_url(self) -> str:
        """The same, for workers."""
        return self.broker_url

    @property
    def broker_write_url(self) -> str:
        """The same, for callers."""
        return self.broker_url

    @property
    def result_backend(self) -> str:
        """Where records are."""
        return str(self["result_backend"])

    @property
    def task_always_eager(self) -> bool:
        """As Celery finds it, in a fifth of the time: each call asks."""
        for each in self.maps or ():
            if EAGER in each:
                return bool(each[EAGER])
        return False

    def table(self, with_defaults: bool = False, censored: bool = True) -> dict[str, Any]:
        """What ``inspect conf``, ``report`` and Flower show; Celery alone leaves some passwords in it."""
        from notifier.storage.masking import masked  # only who looks needs it

        found: dict[str, Any] = super().table(with_defaults, censored)
        return {name: masked(value) for name, value in found.items()} if censored else found


class AlertResult(Raised, AsyncResult):  # type: ignore[type-arg]  # cannot be subscripted at run time
    """The Celery result of an alert. Any number of threads may wait for it."""

    # as Celery's, which makes a promise for each that hardly any caller asks for
    def __init__(
        self, id: str, backend: Any = None, task_name: str | None = None, app: Any = None, parent: Any = None
    ) -> None:
        self.app = app or self.app
        self.id, self.backend, self.parent = id, backend or self.app.backend, parent
        self._cache, self._ignored = None, False

    def __del__(self) -> None:
        """Nothing: our backend keeps no list of results that are waited for."""

    @cached_property
    def on_ready(self) -> Any:  # type: ignore[override]
        """What ``then`` is called on."""
        return promise(cast("Any", self)._on_fulfilled, weak=True)

    def _maybe_reraise_parent_error(self) -> None:
        with suppress(BrokerUnavailable):  # who waits is waiting for Redis too
            super()._maybe_reraise_parent_error()  # type: ignore[misc]

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled, it stays a result of ours: Celery would make it one of the current application."""
        return _unpickle_result, (self.id, self.parent)


def _unpickle_result(notification_id: str, parent: Any) -> Any:
    return client_app().AsyncResult(notification_id, parent=parent)


def create_app(name: str) -> Celery:
    """A Celery application on the settings of this process, which neither changes nor follows any other one.

    Raises:
        ConfigurationError: a variable is wrong.
    """
    # an explicit loader and no fixups: CELERY_LOADER and DJANGO_SETTINGS_MODULE are of the application that we serve
    loader, log = "celery.loaders.app:AppLoader", "notifier.worker.log:Logging"
    amqp = "notifier.storage.queues:Amqp"
    app = Celery(name, loader=loader, log=log, amqp=amqp, fixups=[], set_as_current=False)
    # Celery takes no class for its settings, fills this very object later, and makes a plain assignment a setting
    object.__setattr__(app.conf, "__class__", Configuration)
    app.config_from_object(load_celeryconfig())
    app.__dict__["bugreport"] = lambda: _bugreport(app)
    # Celery caches it there
    app.__dict__["AsyncResult"] = app.subclass_with_self(AlertResult, name="AsyncResult", keep_reduce=True)
    return app


def _bugreport(app: Celery) -> Any:
    from notifier.storage.masking import masked  # only who looks needs it

    return masked(bugreport(app))


@lru_cache(maxsize=1)
def client_app() -> Celery:
    """The one application of this process: it sends alerts, reads results and, with ``tasks`` imported, runs them."""
    return create_app("notifier")


def same_broker(one: Celery, other: Celery) -> bool:
    """Whether the queues of two applications are in one place, under the same names. Connects to neither."""
    return bool(set(broker_places(one)) & set(broker_places(other)))


def broker_places(app: Celery) -> list[str]:
    """Where an application sends its tasks: address, database or virtual host, and key prefix; no user, no password.

    Several only where its broker has several addresses, as sentinels do.
    """
    url = app.conf.broker_write_url or AMQP
    prefix = (app.conf.broker_transport_options or {}).get("global_keyprefix", "")
    texts = url.split(";") if isinstance(url, str) else list(url)
    return [place + (f" (prefix {prefix})" if prefix else "") for text in texts for place in _addresses(text)]


def _addresses(url: str) -> list[str]:
    try:
        redis = parse_broker_url(url)
        if redis is not None and redis.path:
            return [f"redis+socket://{redis.path}?virtual_host={redis.database}"]
        if redis is not None:
            return [f"redis://{_host(host)}:{port}/{redis.database}" for host, port in redis.hosts]
        parts = urlsplit(url)
        return [f"{AMQP}{_host(parts.hostname)}:{parts.port or 5672}/{parts.path[1:] or '/'}"]
    except ValueError:  # another kind of broker
        scheme, _, rest = url.partition("://")
        return [f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}"]


def _host(name: str | None) -> str:
    return "localhost" if not name or name in LOCAL else name


def callback_app(default_queue: str) -> Celery:
    """An application on our broker and result backend that calls what hangs on alerts.

    It knows no task, so it sends each by its name: to the queue that its signature names, else to ``default_queue``.
    """
    sender = create_app("notifier.callbacks")
    sender.conf.update(task_create_missing_queues=True, task_queues=None, task_default_queue=default_queue)
    return sender


def dispatch_connection(app: Celery, timeout_seconds: float) -> Connection:
    """A connection of a caller that cannot wait for long: each step fails after so many seconds."""
    socket = {"socket_timeout": timeout_seconds, "socket_connect_timeout": timeout_seconds}
    amqp = {"read_timeout": timeout_seconds, "write_timeout": timeout_seconds}
    options = amqp if BrokerUrl(app.conf.broker_write_url).is_amqp else socket
    connection = app.connection_for_write(transport_options=options, connect_timeout=timeout_seconds)
    if options is socket:
        from notifier.storage.dispatch_transport import OURS  # imports kombu's, which only who dispatches needs

        theirs: Any = connection.get_transport_cls()
        connection.transport_cls = OURS.get(theirs, theirs)
    return connection
