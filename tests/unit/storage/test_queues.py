"""``-Q`` and ``-X`` take the names of the docs, whatever prefix a deployment has."""

import pytest
from kombu import Queue

from notifier.routing import ROUTES
from notifier.storage.broker import create_app
from notifier.storage.queues import Queues

PLAIN = [route.queue for route in ROUTES.values()]
PREFIXES = pytest.mark.parametrize("prefix", ["", "shop:"])


def queues(prefix: str) -> Queues:
    """As ``celeryconfig`` declares them; that this is so, ``tests/e2e/test_key_prefix.py`` shows."""
    return Queues([Queue(prefix + name, routing_key=prefix + name, alias=name) for name in PLAIN], create_missing=False)


def test_the_application_has_such_queues() -> None:
    assert isinstance(create_app("ours").amqp.queues, Queues)


@PREFIXES
def test_a_worker_consumes_the_queues_of_its_deployment_by_both_names(prefix: str) -> None:
    found = queues(prefix)
    for names in (PLAIN[:2], [prefix + name for name in PLAIN[:2]], [PLAIN[0], prefix + PLAIN[1]]):
        found.select(names)
        assert list(found.consume_from) == [prefix + name for name in PLAIN[:2]]


@PREFIXES
def test_it_leaves_out_queues_by_both_names(prefix: str) -> None:
    found = queues(prefix)
    found.deselect([PLAIN[0], prefix + PLAIN[1]])
    assert sorted(found.consume_from) == sorted(prefix + name for name in PLAIN[2:])
    found.deselect(PLAIN[2])
    assert sorted(found.consume_from) == sorted(prefix + name for name in PLAIN[3:])


@PREFIXES
def test_all_are_consumed_if_none_is_named_and_unknown_ones_are_none(prefix: str) -> None:
    found = queues(prefix)
    found.select(None)
    assert len(found.consume_from) == len(PLAIN)
    with pytest.raises(KeyError):
        found.select("notifications.none")
    found.deselect(["notifications.none", PLAIN[0]])
    assert len(found.consume_from) == len(PLAIN) - 1, "remote control may name any, and ends no worker by it"
