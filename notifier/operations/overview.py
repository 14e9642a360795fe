"""Everything at a glance: what waits, what holds it, who delivers, and what is wrong."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from notifier.models import AlertType
from notifier.operations.gates import gate_as_json, gate_states
from notifier.operations.incidents import count_open
from notifier.operations.outboxes import outboxes
from notifier.operations.spool_state import spool_state
from notifier.outbox.fleet import read_fleet
from notifier.storage.connection import broker_errors
from notifier.version import VERSION

if TYPE_CHECKING:
    import redis

    from notifier.gate.admin import Gate
    from notifier.producer.spool import Spool
    from notifier.settings import Settings
    from notifier.storage.keys import Keys
    from notifier.storage.retention import Findings

OF_A_MOMENT = ("webhook_fetched_seconds_ago",)
"""What grows by itself: an overview of a pipeline in which nothing happens stays the same."""


def overview(
    client: "redis.Redis", keys: "Keys", gate: "Gate", settings: "Settings", spool: "Spool | None", findings: "Findings"
) -> dict[str, Any]:
    """The state of all outboxes and gates, and of what belongs to none: some twenty round trips, however much waits.

    ``findings``: what was found lately of Redis itself.

    Raises:
        BrokerUnavailable: Redis did not answer.
    """
    states, holdings = gate_states(gate, settings), read_fleet(client, keys)
    opened, dead = count_open(client, keys), count_dead(client, keys)
    types = []
    for each in outboxes(client, keys):
        kind = each.alert_type
        gates = [
            {name: value for name, value in gate_as_json(states, partition).items() if name not in OF_A_MOMENT}
            for partition in states
            if partition.alert_type is kind
        ]
        types.append(
            asdict(each)
            | {
                "gate": gates[0] if gates else None,
                "further_gates": gates[1:],
                "webhook_problem": settings.wrong_webhooks.get(kind),
                "workers": [held.worker for held in holdings if held.alert_type is kind and not held.number],
                "dead_letters": dead[kind],
                "incidents_open": opened[kind],
            }
        )
    return {
        "version": VERSION,
        "types": types,
        "queue_size": settings.queue_size,
        "banned_seconds": gate.banned_seconds(),
        "machines": [asdict(each) for each in gate.machines.faults()],
        "unreadable": count_unreadable(client, keys),
        "spool": asdict(spool_state(spool, settings.spool_dir)) if spool and settings.spool_dir else None,
        "redis": {"problem": "; ".join(findings.problems) or None, "warnings": list(findings.warnings)},
    }


def count_dead(client: "redis.Redis", keys: "Keys") -> dict[AlertType, int]:
    """How many dead letters there are. Raises BrokerUnavailable: Redis did not answer."""
    with broker_errors():
        asked = client.pipeline(transaction=False)
        for kind in AlertType:
            asked.zcard(keys.dead_letters(kind))
        return dict(zip(AlertType, asked.execute(), strict=True))


def count_unreadable(client: "redis.Redis", keys: "Keys") -> int:
    """How many entries of queues are set aside. Raises: as ``count_dead``."""
    with broker_errors():
        return cast("int", client.zcard(keys.unreadable))
