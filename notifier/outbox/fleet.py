"""The fleet: which webhooks the living workers hold, by alert type. No token is stored, only fingerprints."""

import json
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import redis

from notifier.models import AlertType
from notifier.outbox.partitions import partitions_of
from notifier.outbox.steps import WITNESS_SECONDS
from notifier.routing import Partition
from notifier.storage.connection import MICROSECONDS, broker_errors, clock
from notifier.storage.keys import Keys
from notifier.webhook import Webhook

LATELY_SECONDS = 60
"""Ours: a worker that was heard of in them, and has not left, may be heard of again."""
LOOK_SECONDS = 0.2
"""Ours: between two looks for it; a worker says that it lives every half second."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What one living worker holds for an alert type whose queue it consumes.

    ``worker``: Celery's name of it. ``webhook_id`` and ``fingerprint`` (of the URL): empty if it has no webhook.
    ``number``: which one of the type's webhooks this is, from 0.
    """

    alert_type: AlertType
    worker: str
    webhook_id: str
    fingerprint: str
    number: int = 0

    @property
    def partition(self) -> str:
        """The alert type; of one that has several webhooks, which one of them as well."""
        return str(Partition(self.alert_type, self.number))


def holding_as_json(worker: str, webhook: Webhook | None, machine: str = "") -> str:
    """What fleet.lua calls ``held``. ``machine``: its name, as in ``MachineFault``."""
    fingerprint = webhook.fingerprint if webhook else ""
    held = {"node": worker, "webhook": webhook.id if webhook else "", "fingerprint": fingerprint}
    return json.dumps(held | {"machine": machine})


def holdings(
    alert_type: AlertType, worker: str, webhooks: Sequence[Webhook], most: int, machine: str = ""
) -> dict[Partition, str]:
    """What a worker holds for a type, by webhook. ``most``: of how many webhooks workers of this type were heard of."""
    held = {Partition(alert_type): holding_as_json(worker, webhooks[0] if webhooks else None, machine)}
    for number in range(1, max(most, len(webhooks)) if webhooks else 1):
        own = number < len(webhooks)
        held[Partition(alert_type, number)] = holding_as_json(worker, webhooks[number], machine) if own else ""
    return held


def fleet_names(keys: Keys) -> dict[str, str]:
    """What fleet.lua calls ``names``."""
    return {"worker_prefix": keys.worker(""), "gate_prefix": keys.gate_prefix, "machines": keys.machines}


def read_fleet(client: "redis.Redis", keys: Keys) -> list[Holding]:
    """What the living workers hold, by type and worker.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    with broker_errors():
        partitions = partitions_of(client, keys)
        pipeline = client.pipeline(transaction=False)
        for partition in partitions:
            pipeline.hgetall(keys.fleet(partition))
        found = cast("list[dict[str, str]]", pipeline.execute())
        living = _living(client, keys, {name for each in found for name in each})
    held = [
        _holding(partition, json.loads(text))
        for partition, each in zip(partitions, found, strict=True)
        for name, text in each.items()
        if name in living
    ]
    return sorted(held, key=lambda each: (list(AlertType).index(each.alert_type), each.worker, each.number))


def read_fleet_patiently(client: "redis.Redis", keys: Keys) -> list[Holding]:
    """The same, for one who says that a worker is missing: one that was heard of lately has a moment to be heard again.

    It may have had no processor for a while, or Redis may have been away; a process that is gone has the same moment.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    deadline = time.monotonic() + WITNESS_SECONDS
    while _is_one_late(client, keys) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)
    return read_fleet(client, keys)


def _is_one_late(client: "redis.Redis", keys: Keys) -> bool:
    """Whether a worker was heard of lately that is not heard now. One that ends as it should is not in the list."""
    with broker_errors():
        since = clock(client) - LATELY_SECONDS * MICROSECONDS
        heard = cast("list[str]", client.zrangebyscore(keys.workers, since, "+inf"))
        names = {each.partition(" ")[0] for each in heard}
        return _living(client, keys, names) != names


def _living(client: "redis.Redis", keys: Keys, names: Collection[str]) -> set[str]:
    ordered = sorted(names)
    beats = cast("list[str | None]", client.mget([keys.worker(name) for name in ordered])) if ordered else []
    return {name for name, beat in zip(ordered, beats, strict=True) if beat is not None}


def _holding(partition: Partition, told: Mapping[str, Any]) -> Holding:
    url = str(told["webhook"]), str(told["fingerprint"])
    return Holding(partition.alert_type, str(told.get("node", "")), *url, number=partition.number)


def disagreements(holdings: Collection[Holding]) -> list[AlertType]:
    """The types for which not all workers hold the same webhook URLs."""
    held: dict[Partition, list[str]] = defaultdict(list)
    for each in holdings:
        held[Partition(each.alert_type, each.number)].append(each.fingerprint)
    differ = {
        partition.alert_type
        for partition, urls in held.items()
        if len(set(urls)) > 1 or len(urls) != len(held[Partition(partition.alert_type)])
    }
    return [kind for kind in AlertType if kind in differ]
