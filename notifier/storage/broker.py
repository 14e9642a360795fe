"""The Celery application, as ``celeryconfig`` describes it: the worker's, and a client's that only sends and reads."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from celery import Celery
from kombu import Connection

from notifier.storage.url import SCHEME, parse_sentinels


@dataclass(frozen=True, slots=True)
class BrokerUrl:
    """Where Celery's messages or results are: a Redis, one behind sentinels, or (messages only) RabbitMQ."""

    url: str = field(repr=False)

    @property
    def is_amqp(self) -> bool:
        """Whether RabbitMQ is there, and no Redis."""
        return self.url.startswith(("amqp", "pyamqp"))

    @property
    def celery_url(self) -> str:
        """The same, as Celery reads it."""
        return parse_sentinels(self.url).celery_url if self.url.startswith(SCHEME) else self.url

    def transport_options(self, timeout_seconds: float) -> dict[str, Any]:
        """Celery's transport options for it; of a process that connects within ``timeout_seconds``."""
        if self.is_amqp:
            return {}
        options: dict[str, Any] = {
            "max_connections": 64,
            "socket_timeout": 5,
            "socket_connect_timeout": timeout_seconds,
            "socket_keepalive": True,
            "health_check_interval": 25,
        }
        if self.url.startswith(SCHEME):
            options |= parse_sentinels(self.url).celery_options(timeout_seconds)
        return options


def create_app(name: str, *, include: tuple[str, ...] = ()) -> Celery:
    """A Celery application on the settings of this process."""
    app = Celery(name, include=list(include), set_as_current=bool(include))
    app.config_from_object("celeryconfig")
    return app


@lru_cache(maxsize=1)
def client_app() -> Celery:
    """The application of a process that sends alerts and reads results, but runs no tasks."""
    return create_app("notifier")


def dispatch_connection(app: Celery, timeout_seconds: float) -> Connection:
    """A connection of a caller that cannot wait for long: each step fails after so many seconds."""
    socket = {"socket_timeout": timeout_seconds, "socket_connect_timeout": timeout_seconds}
    amqp = {"read_timeout": timeout_seconds, "write_timeout": timeout_seconds}
    options = amqp if BrokerUrl(app.conf.broker_write_url).is_amqp else socket
    return app.connection_for_write(transport_options=options, connect_timeout=timeout_seconds)
