"""The gates of the webhooks that are configured here, for programs."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from notifier.gate.admin import Gate
from notifier.gate.state import GateState
from notifier.models import AlertType
from notifier.operations.audit import Action, Audit
from notifier.outbox.outbox import Outbox
from notifier.settings import Settings

LOOKED_AT = 200
"""Ours: of the last actions, so many are looked at for those that concern a gate."""


def states_by_type(gate: Gate, settings: Settings) -> dict[AlertType, GateState]:
    """The gate of each type that has a webhook here.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    webhooks = settings.webhooks
    return dict(zip(webhooks, gate.states(list(webhooks.values())), strict=True))


def gates_as_json(gate: Gate, outbox: Outbox, settings: Settings, audit: Audit) -> dict[str, Any]:
    """All types, what waits of each, its gate if it has a webhook here, and what somebody did to it last.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    states = states_by_type(gate, settings)
    last: dict[str, Action] = {}
    for action in audit.list(LOOKED_AT):
        if action.action.startswith("gate."):
            last.setdefault(action.target, action)
    rows = [
        {
            "alert_type": kind.value,
            "waiting": outbox.depth(kind),
            **gate_as_json(states, kind),
            "last_action": asdict(last[kind]) if kind in last else None,
        }
        for kind in AlertType
    ]
    return {"banned_seconds": gate.banned_seconds(), "gates": rows}


def gate_as_json(states: Mapping[AlertType, GateState], kind: AlertType) -> dict[str, Any]:
    """The gate of one type; nothing if it has no webhook here."""
    return asdict(states[kind]) if kind in states else {}
