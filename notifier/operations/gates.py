"""The gates of the webhooks that are configured here, for programs."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from notifier.gate.admin import Gate
from notifier.gate.state import GateState
from notifier.models import AlertType
from notifier.operations.audit import Action, Audit
from notifier.outbox.outbox import Outbox
from notifier.routing import Partition
from notifier.settings import Settings

LOOKED_AT = 200
"""Ours: of the last actions, so many are looked at for those that concern a gate."""


def gate_states(gate: Gate, settings: Settings) -> dict[Partition, GateState]:
    """The gate of each webhook that is configured here, by the partition that it serves.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    webhooks = {
        Partition(kind, number): webhook
        for kind in settings.webhooks
        for number, webhook in enumerate(settings.webhooks_of(kind))
    }
    return dict(zip(webhooks, gate.states(list(webhooks.values())), strict=True))


def gates_as_json(gate: Gate, outbox: Outbox, settings: Settings, audit: Audit) -> dict[str, Any]:
    """All types, what waits of each, its gate if it has a webhook here, and what somebody did to it last.

    A type with several webhooks has a row for each; ``partition`` is its name.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    states = gate_states(gate, settings)
    last: dict[str, Action] = {}
    for action in audit.list(LOOKED_AT):
        if action.action.startswith("gate."):
            last.setdefault(action.target, action)
    rows = []
    for each in (each for kind in AlertType for each in outbox.partitions.of(kind, len(settings.webhooks_of(kind)))):
        done = [last[name] for name in ("{}.{}".format(*each), each.alert_type.value) if name in last]
        newest = max(done, key=lambda action: action.at, default=None)
        rows.append({
            "alert_type": each.alert_type.value,
            "partition": str(each),
            "several": Partition(each.alert_type, 1) in states,
            "waiting": outbox.depth(*each),
            **gate_as_json(states, each),
            "last_action": asdict(newest) if newest else None,
        })  # fmt: skip
    return {"banned_seconds": gate.banned_seconds(), "gates": rows}


def gate_as_json(states: Mapping[Partition, GateState], partition: Partition) -> dict[str, Any]:
    """The gate of one; nothing if it has no webhook here."""
    return asdict(states[partition]) if partition in states else {}
