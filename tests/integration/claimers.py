"""One of several processes that claim at once. Prints a JSON object: its claims, and their answers.

Their clock is the test's, which each claim moves on a little: no window ends because the machine is busy.
"""

import json
import sys
import time
from collections import Counter

from pydantic import SecretStr

from notifier.models import AlertType
from notifier.outbox.claim import Batch, ClaimRequest, Throttled
from notifier.outbox.disposition import decide
from notifier.outbox.heartbeat import Heartbeat
from notifier.outbox.outbox import Outbox
from notifier.outcome import Answer, Delivered, Reason
from notifier.settings import Settings
from notifier.storage.connection import connect
from notifier.storage.keys import Keys
from notifier.webhook import Webhook
from tests.integration.conftest import CLOCK, MODULES, by_test_clock

TICK = 100
"""Microseconds: a hundred thousand claims take ten seconds."""
BUSY = {Reason.IN_FLIGHT, Reason.BATCHING}


def main() -> None:
    """``claimers.py REDIS_URL PROCESSES CLAIMS commit|hold``"""
    url, processes, claims, what = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    for module in MODULES:
        module.script = by_test_clock  # type: ignore[attr-defined]
    client = connect(url, 30)
    settings = Settings.load().model_copy(update={"queue_size": 1_000, "rate_limit_per_minute": 1_000})
    outbox = Outbox(client, settings)
    webhook = Webhook("1000000000000000001", SecretStr("fake-token-one"))
    types = list(AlertType)
    worker = Heartbeat(client, Keys()).worker()

    client.incr("test:ready")
    while int(str(client.get("test:ready"))) < processes:  # all at once
        time.sleep(0.001)

    told: Counter[str] = Counter()
    number = 0
    while True:
        number += 1
        client.incrby(CLOCK, TICK)
        claim = outbox.claim(ClaimRequest(types[number % len(types)]), webhook, worker)
        match claim:
            case Batch():
                told["batch"] += 1
                if what == "commit":
                    answer = Answer(Delivered("1", "2"), None, 200)
                    outbox.commit(claim, decide(answer.outcome, claim.items, 3), answer, 1)
            case Throttled(reason=reason):
                told[reason] += 1
                if number >= claims and reason not in BUSY:
                    break
        if number >= claims and what == "hold":
            break
    print(json.dumps({"claims": number, "told": told}))


if __name__ == "__main__":
    main()
