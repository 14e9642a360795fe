"""The fleet: which webhooks the living workers hold, by alert type. No token is stored, only fingerprints."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, cast

import redis

from notifier.models import AlertType
from notifier.storage.connection import broker_errors
from notifier.storage.keys import Keys
from notifier.webhook import Webhook


@dataclass(frozen=True, slots=True)
class Holding:
    """What one living worker holds for an alert type whose queue it consumes.

    ``worker``: Celery's name of it. ``webhook_id`` and ``fingerprint`` (of the URL): empty if it has no webhook.
    """

    alert_type: AlertType
    worker: str
    webhook_id: str
    fingerprint: str


def holding_as_json(worker: str, webhook: Webhook | None, machine: str = "") -> str:
    """What fleet.lua calls ``held``. ``machine``: its name, as in ``MachineFault``."""
    fingerprint = webhook.fingerprint if webhook else ""
    held = {"node": worker, "webhook": webhook.id if webhook else "", "fingerprint": fingerprint}
    return json.dumps(held | {"machine": machine})


def fleet_names(keys: Keys) -> dict[str, str]:
    """What fleet.lua calls ``names``."""
    return {"worker_prefix": keys.worker(""), "gate_prefix": keys.gate_prefix, "machines": keys.machines}


def read_fleet(client: "redis.Redis", keys: Keys) -> list[Holding]:
    """What the living workers hold, by type and worker.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    with broker_errors():
        pipeline = client.pipeline(transaction=False)
        for kind in AlertType:
            pipeline.hgetall(keys.fleet(kind))
        found = cast("list[dict[str, str]]", pipeline.execute())
        living = _living(client, keys, {name for each in found for name in each})
    holdings = [
        _holding(kind, json.loads(text))
        for kind, each in zip(AlertType, found, strict=True)
        for name, text in each.items()
        if name in living
    ]
    return sorted(holdings, key=lambda each: (list(AlertType).index(each.alert_type), each.worker))


def _living(client: "redis.Redis", keys: Keys, names: Collection[str]) -> set[str]:
    ordered = sorted(names)
    beats = cast("list[str | None]", client.mget([keys.worker(name) for name in ordered])) if ordered else []
    return {name for name, beat in zip(ordered, beats, strict=True) if beat is not None}


def _holding(kind: AlertType, told: Mapping[str, Any]) -> Holding:
    return Holding(kind, str(told.get("node", "")), str(told["webhook"]), str(told["fingerprint"]))


def disagreements(holdings: Collection[Holding]) -> list[AlertType]:
    """The types for which not all workers hold the same webhook URL."""
    held: dict[AlertType, set[str]] = defaultdict(set)
    for each in holdings:
        held[each.alert_type].add(each.fingerprint)
    return [kind for kind in AlertType if len(held[kind]) > 1]
