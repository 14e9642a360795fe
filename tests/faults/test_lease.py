"""A worker that hangs in a request is killed: what waits behind it does not wait for its lease."""

import pytest

from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application
from tests.faults.conftest import GENERAL, QUICK
from tests.servers import until

STATE = "notifier:outbox:general:state"
pytestmark = pytest.mark.slow


def test_what_waits_behind_a_killed_worker_goes_before_its_lease_of_95_s_ends(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    long = {**QUICK, "DISCORD_TIMEOUT_SECONDS": "30"}
    first = start_worker(**long)
    redis = application.pipeline.redis
    sandbox.fault(webhook_id=GENERAL, method="POST", kind="delay", seconds=60, times=1)
    application.raise_alerts("cut off")
    until(lambda: redis.hget(STATE, "lease_until"), "the request")
    lease_until = float(str(redis.hget(STATE, "lease_until")))
    waiting = application.raise_alerts("behind it", "and this")
    first.kill()
    start_worker(**long)
    assert {record["status"] for record in application.wait(waiting)} == {"delivered"}
    assert application.pipeline.gate.now() < lease_until
