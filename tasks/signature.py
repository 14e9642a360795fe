"""A signature of a delivery task, which other Celery applications may put into their chains, links and chords.

Whoever applies it sends it to our queue, by the queue in its options, but over its own broker.
"""

import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from celery import Celery, _state
from celery.canvas import Signature

from notifier.storage.broker import broker_places, same_broker

from .celery import app

if TYPE_CHECKING:
    AnySignature = Signature[Any]
else:
    AnySignature = Signature  # cannot be subscripted at run time

logger = logging.getLogger(__name__)


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
    if not same_broker(host, app):
        _warn(broker_places(host)[0], broker_places(app)[0], str(host.main))


@lru_cache(maxsize=100)
def _warn(theirs: str, ours: str, name: str) -> None:
    logger.warning(
        "A worker of the Celery application %s that comes to an alert in a chain, link or chord sends it to its broker "
        "%s, where nobody takes it: alerts travel through %s. Raise alerts by .delay(), or give both the same broker",
        *(name, theirs, ours),
    )
