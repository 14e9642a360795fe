"""A signature of a delivery task, which other Celery applications may put into their chains, links and chords.

Whoever applies it sends it to our queue, by the queue in its options, but over its own broker.
"""

import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from celery import Celery, _state
from celery.canvas import Signature

from notifier.storage.url import parse_broker_url

from .celery import app

if TYPE_CHECKING:
    AnySignature = Signature[Any]
else:
    AnySignature = Signature  # cannot be subscripted at run time

logger = logging.getLogger(__name__)

AMQP = "amqp://"
"""Celery's own default."""
LOCAL = ("127.0.0.1", "::1")


class AlertSignature(AnySignature):
    """As Celery's own. In a message it is an ordinary one, which any worker can read."""

    _app: Celery | None
    _type: Any

    def clone(self, *args: Any, **kwargs: Any) -> "AlertSignature":
        """A copy, with more arguments or options."""
        plain: Any = super().clone(*args, **kwargs)
        copy = AlertSignature(plain, app=self._app)
        copy._type = self._type
        return copy

    partial = clone

    def freeze(self, *args: Any, **kwargs: Any) -> Any:
        """Give it its id. A chain, group or chord does so when it is called; by then its application is configured."""
        warn_of_another_broker()
        return super().freeze(*args, **kwargs)


def warn_of_another_broker() -> None:
    """Log, once for each, that the broker of this program's Celery application is not the one of our workers.

    An application that is not configured yet is left alone; so is a program that has none.
    """
    state: Any = _state  # celery-types knows only its functions, and the one that returns the current one makes one
    host = state._tls.current_app or state.default_app
    if host is None or host is app or not host.configured:
        return
    theirs, ours = _places(host), _places(app)
    if not set(theirs) & set(ours):
        _warn(theirs[0], ours[0], str(host.main))


@lru_cache(maxsize=100)
def _warn(theirs: str, ours: str, name: str) -> None:
    logger.warning(
        "A worker of the Celery application %s that comes to an alert in a chain, link or chord sends it to its broker "
        "%s, where nobody takes it: alerts travel through %s. Raise alerts by .delay(), or give both the same broker",
        *(name, theirs, ours),
    )


def _places(of: Celery) -> list[str]:
    """Where an application sends its tasks: address, database or virtual host, and key prefix; no user, no password."""
    url = of.conf.broker_write_url or AMQP
    prefix = (of.conf.broker_transport_options or {}).get("global_keyprefix", "")
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
