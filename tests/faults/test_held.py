"""What quiet hours hold is lost with no worker and no Redis, and goes as one message."""

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from notifier.models import AlertType
from notifier.storage.connection import clock
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, client_app
from tests.faults.conftest import QUICK
from tests.names import names
from tests.servers import OwnRedis, until

HELD = 12
HOUR = timedelta(hours=1)
pytestmark = pytest.mark.slow


def test_alerts_that_are_held_outlive_a_killed_worker_and_redis(
    own_redis: OwnRedis, sandbox: Sandbox, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", own_redis.url)
    application, now = Application(client_app(own_redis.url)), datetime.now(UTC)
    hours = f"{now - HOUR:%H:%M}-{now + HOUR:%H:%M} UTC hold"
    worker = start_worker(**QUICK, REDIS_URL=own_redis.url, DISCORD_QUIET_HOURS=hours)
    alerts = application.raise_alerts(*(f"alert {number}" for number in range(HELD)))
    redis, delayed = application.pipeline.redis, names.outbox(AlertType.GENERAL, "delayed")
    until(lambda: redis.zcard(delayed) == HELD, "all are held")
    worker.kill()
    own_redis.away()
    own_redis.back()
    for each in cast("list[str]", redis.zrange(delayed, 0, -1)):  # and the hours are over
        redis.zadd(delayed, {each: clock(redis)})
        redis.hset(names.notification(each), "not_before", clock(redis))
    redis.delete(names.outbox(AlertType.GENERAL, "wake_up"))  # its time has come too
    start_worker(**QUICK, REDIS_URL=own_redis.url)
    ended = application.wait(alerts)
    (message,) = sandbox.messages()
    assert {(each["status"], each["message_id"]) for each in ended} == {("delivered", message["id"])}
