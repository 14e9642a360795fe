"""The Celery application, as ``celeryconfig`` describes it: the worker's, and a client's that only sends and reads."""

from functools import lru_cache

from celery import Celery
from kombu import Connection

from notifier.storage.url import BrokerUrl


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
