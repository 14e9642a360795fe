"""What must hold of digests when a run is over: each counts what was folded into it, and goes as any alert."""

from collections import Counter
from collections.abc import Collection, Iterator
from typing import cast

import redis

from notifier.models import AlertType
from notifier.outbox.record import of_result
from tests.simulation.embeds import counts_of, digest_name
from tests.simulation.webhooks import KINDS
from tests.simulation.workers import KEYS
from tests.simulation.world import World


def digests_of(raw: "redis.Redis", kind: AlertType) -> list[str]:
    """The ids of those of a type that have ended."""
    return [each for each in cast("list[str]", raw.zrange(KEYS.history(kind), 0, -1)) if each.startswith("digest-")]


def broken_by_digests(world: World, posted: Collection[str]) -> Iterator[str]:
    """All that was folded is counted, once, by a digest that is in the channel, or among the dead letters."""
    if world.forgotten:
        return
    raw = world.server.client
    for kind in KINDS:
        own = [each for each in world.plan.alerts if KINDS[each.kind] is kind]
        folded = Counter(each.shown_as for each in own if world.status_of(each.name) == "folded")
        told = Counter[str]()
        for each in digests_of(raw, kind):
            if (record := of_result(cast("str", raw.get(KEYS.result(each))))) is None:
                yield f"{each}, a digest, has no record"
                continue
            text = record["message"].get("message", "")
            told.update(counts_of(text))
            name = digest_name(text, record["message"]["fields"][0]["value"])
            if record["status"] == "delivered" and name not in posted:
                yield f"{each} is delivered by its record, and not in the channel"
        if told != folded:
            yield f"{dict(folded)} of {kind} were folded, and digests tell of {dict(told)}"
        if raw.exists(KEYS.outbox(kind, "digest")):
            yield f"the digest of {kind} still holds {raw.hgetall(KEYS.outbox(kind, 'digest'))}"
