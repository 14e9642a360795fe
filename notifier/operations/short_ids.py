"""The beginnings of ids, as tables show them where there is little room."""

from collections.abc import Iterable, Iterator
from typing import cast

import redis

from notifier.errors import NotificationNotFound
from notifier.models import AlertType
from notifier.outbox.partitions import partitions_of
from notifier.storage.connection import broker_errors
from notifier.storage.keys import Keys

BEGINNING_MIN = 4
"""Ours: characters of an id that are enough, if no other begins with them."""
UUID_CHARACTERS = 36
"""What is as long is no beginning."""
PAGE = 10_000
"""Ours: ids that are read at once."""
NAMED_MAX = 5
"""Ours: ids that an error names."""


def of_dead_letters(client: "redis.Redis", keys: Keys) -> list[str]:  # noqa: ARG001 - as the others
    """The keys of the sorted sets in which the ids of dead letters are."""
    return [keys.dead_letters(kind) for kind in AlertType]


def of_waiting(client: "redis.Redis", keys: Keys) -> list[str]:
    """The same of alerts that wait. Raises BrokerUnavailable: Redis did not answer."""
    return [place for each in partitions_of(client, keys) for place in keys.outbox_parts(each)[:3]]


def of_all(client: "redis.Redis", keys: Keys) -> list[str]:
    """The same of all alerts that are known. Raises BrokerUnavailable: Redis did not answer."""
    return [*of_waiting(client, keys), *(keys.history(kind) for kind in AlertType)]


def whole_id(client: "redis.Redis", places: Iterable[str], given: str) -> str:
    """The one id of these sorted sets that begins so; what was given if there is none, or it is an id itself.

    Raises:
        NotificationNotFound: several begin so.
        BrokerUnavailable: Redis did not answer.
    """
    places = list(places)
    with broker_errors():
        pipeline = client.pipeline(transaction=False)
        for place in places:
            pipeline.zscore(place, given)
        if not BEGINNING_MIN <= len(given) < UUID_CHARACTERS or any(score is not None for score in pipeline.execute()):
            return given
        found = {each for place in places for each in _members(client, place) if each.startswith(given)}
    if len(found) > 1:
        named = ", ".join(sorted(found)[:NAMED_MAX]) + (", ..." if len(found) > NAMED_MAX else "")
        raise NotificationNotFound(f"{len(found)} ids begin with {given!r}: {named}")
    return found.pop() if found else given


def newest(client: "redis.Redis", places: Iterable[str], count: int) -> list[str]:
    """So many ids of each of these sorted sets, the newest first.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    with broker_errors():
        pipeline = client.pipeline(transaction=False)
        for place in places:
            pipeline.zrange(place, 0, count - 1, desc=True)
        return [each for found in pipeline.execute() for each in found]


def _members(client: "redis.Redis", place: str) -> Iterator[str]:
    start = 0
    while page := cast("list[str]", client.zrange(place, start, start + PAGE - 1)):
        yield from page
        start += PAGE
