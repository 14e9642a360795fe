"""A Redis without room takes nothing; what it has waits, and all goes on once there is room."""

import pytest
import redis

from tests.conftest import Sandbox, StartWorker
from tests.faults.conftest import QUICK, StartCaller, doubled, titles_of
from tests.servers import OwnRedis, until

ALERTS = 200
RAISED = {f"alert {number}" for number in range(ALERTS)}


@pytest.mark.slow
def test_a_redis_that_is_full_under_load_loses_and_doubles_nothing_and_all_goes_on_once_there_is_room(
    own_redis: OwnRedis, sandbox: Sandbox, start_worker: StartWorker, start_caller: StartCaller
) -> None:
    sandbox.fault(method="POST", kind="delay", when="after", seconds=0.3)
    workers = [start_worker(**QUICK, REDIS_URL=own_redis.url) for _ in range(2)]
    caller = start_caller(ALERTS, 0.005, REDIS_URL=own_redis.url)
    until(lambda: sandbox.stored >= 3, "the burst")
    with redis.Redis.from_url(own_redis.url) as client:
        client.config_set("maxmemory", 1)
        until(lambda: all("Redis is full" in each.output() for each in workers), "that both say why nothing goes")
        client.config_set("maxmemory", 0)
    assert caller.wait_for(r"raised (\d+), refused [1-9]")[1] == str(ALERTS)
    until(lambda: set(sandbox.titles()) == RAISED, "all alerts", 90)
    assert doubled(titles_of(sandbox)) == set()
    assert [worker.stop() for worker in workers] == [0, 0], "each still listens"
