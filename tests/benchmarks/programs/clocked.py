"""An outbox and a gate with a clock that is set by hand: no limit of Discord's holds back what is measured."""

import redis

from notifier.gate import admin
from notifier.gate.admin import Gate
from notifier.outbox import records, withdrawals
from notifier.outbox.outbox import Outbox
from notifier.outbox.records import Records
from notifier.outbox.withdrawals import Withdrawals
from notifier.settings import Settings
from notifier.storage.keys import Keys
from tests.integration.conftest import CLOCK, MODULES, START, WORKER, Bench, by_test_clock

SECONDS = 600


def clocked(client: "redis.Redis", **settings: object) -> Bench:
    """One of its own on this Redis, if its ``key_prefix`` is. The whole process goes by that clock from now on."""
    for module in (*MODULES, records, withdrawals, admin):
        module.script = by_test_clock  # type: ignore[attr-defined]
    client.set(CLOCK, START, nx=True)
    own = Settings.load().model_copy(update=settings)
    client.set(Keys(own.key_prefix).worker(WORKER), 1, ex=SECONDS)
    return Bench(client, own, Outbox(client, own), Gate(client, own), Records(client, own), Withdrawals(client, own))
