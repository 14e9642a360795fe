"""One of several that admit alerts, or claim and commit them, as fast as they can; prints how many, as JSON."""

import json
import os
import sys
import time

import redis
from pydantic import SecretStr

from notifier.gate.admin import Gate
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.claim import Batch
from notifier.outbox.outbox import Outbox
from notifier.outbox.records import Records
from notifier.outbox.withdrawals import Withdrawals
from notifier.settings import Settings
from notifier.storage.connection import connect
from notifier.storage.keys import Keys
from notifier.webhook import Webhook
from tests.integration.conftest import WORKER, Bench

READY, GO = "bench:ready", "bench:go"
LIFE_SECONDS = 600
TEXT = "No answer from db1 within 5 s. " * 6
Place = tuple[Bench, Webhook, AlertType]


def places(client: "redis.Redis", groups: int) -> list[Place]:
    """Six webhooks for each group of keys: to Redis, a group is what six further channels are."""
    from tests.benchmarks import unlimited  # changes this process: none that imports this one for its name

    found = []
    for group in range(groups):
        changed = {"key_prefix": f"notifier:{group}:", "queue_size": 100_000, "rate_limit_per_minute": unlimited.MANY}
        own = Settings.load().model_copy(update=changed)
        client.set(Keys(own.key_prefix).worker(WORKER), 1, ex=LIFE_SECONDS)
        parts = Outbox(client, own), Gate(client, own), Records(client, own), Withdrawals(client, own)
        for number, kind in enumerate(AlertType):
            webhook = Webhook(str(10**18 + 10 * group + number), SecretStr("fake-token-bench"))
            found.append((Bench(client, own, *parts), webhook, kind))
    return found


def admit(found: list[Place], count: int, name: str) -> int:
    """So many, in turn over all webhooks."""
    messages = [
        NotificationMessage(id=f"{name}-{number}", title=f"Alert {number}", message=TEXT, alert_type=kind)
        for number in range(count)
        for _, _, kind in [found[number % len(found)]]
    ]
    begin()
    for number, message in enumerate(messages):
        found[number % len(found)][0].outbox.admit(message)
    return count


def deliver(found: list[Place]) -> int:
    """Batches, until nothing waits anywhere."""
    begin()
    batches, left = 0, list(found)
    while left:
        for place in list(left):
            bench, webhook, kind = place
            claim = bench.claim(webhook=webhook, alert_type=kind)
            if isinstance(claim, Batch):
                bench.commit(claim)
                batches += 1
            elif not bench.outbox.depth(kind):
                left.remove(place)
    return batches


def begin() -> None:
    """Wait until all of them can begin at once."""
    client.incr(READY)
    while not client.exists(GO):
        time.sleep(0.005)


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    client = connect(os.environ["REDIS_URL"], 30)
    mine = places(client, given["groups"])
    mine = mine[given["number"] % len(mine) :] + mine[: given["number"] % len(mine)]
    steps = admit(mine, given["count"], f"w{given['number']}") if given["count"] else deliver(mine)
    client.close()
    print(json.dumps({"steps": steps}))
