"""Redis is killed, silent or full, or its master is killed, under load: nothing is lost or doubled, and all goes on."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from notifier.cli.processes import Process
from tests.conftest import Sandbox, StartWorker
from tests.faults.conftest import QUICK, StartCaller, doubled, titles_of
from tests.forked import run_notifier
from tests.no_secrets import assert_no_secrets
from tests.servers import OwnRedis, SentinelRedis, until

ALERTS = 300
RAISED = {f"alert {number}" for number in range(ALERTS)}
LATE = 30
KILLS = 2
RESTARTS = 8
pytestmark = pytest.mark.slow

UnderLoad = Callable[..., tuple[list[Process], Process]]


@pytest.fixture
def sentinel_redis(tmp_path: Path) -> Iterator[SentinelRedis]:
    """One behind sentinels."""
    own = SentinelRedis(tmp_path / "sentinel")
    yield own
    own.stop()


@pytest.fixture
def under_load(sandbox: Sandbox, start_worker: StartWorker, start_caller: StartCaller) -> UnderLoad:
    """Starts two workers, and a caller that raises all alerts over that Redis; each post takes a while."""
    sandbox.fault(method="POST", kind="delay", when="after", seconds=0.3)

    def start(url: str, alerts: int = ALERTS) -> tuple[list[Process], Process]:
        return [start_worker(**QUICK, REDIS_URL=url) for _ in range(2)], start_caller(alerts, 0.005, REDIS_URL=url)

    return start


def assert_all_arrived_once(sandbox: Sandbox, *callers: Process) -> None:
    """Every alert of the callers is in its channel, once."""
    assert sum(int(each.wait_for(r"raised (\d+)")[1]) for each in callers) == ALERTS
    until(lambda: not missing(sandbox), "all alerts", 90, poll_seconds=0.5)
    assert set(titles_of(sandbox)) == RAISED
    assert doubled(titles_of(sandbox)) == set()


def missing(sandbox: Sandbox) -> list[str]:
    """Those that did not arrive; printed, so that a failure shows them."""
    found = sorted(RAISED - set(sandbox.titles()))
    print(len(found), found[:10])
    return found


def test_redis_killed_and_silent_under_load_loses_nothing_and_the_answers_under_way_are_not_forgotten(
    own_redis: OwnRedis, sandbox: Sandbox, under_load: UnderLoad
) -> None:
    workers, caller = under_load(own_redis.url)
    for _ in range(KILLS):
        stored = sandbox.stored + 3
        until(lambda stored=stored: sandbox.stored >= stored, "the next messages")
        own_redis.away()
        own_redis.back()
    own_redis.freeze()
    until(lambda: all("no heartbeat" in worker.output() for worker in workers), "that it is missed")
    own_redis.thaw()
    assert_all_arrived_once(sandbox, caller)
    assert [worker.stop() for worker in workers] == [0, 0], "each still listens"


def test_a_redis_that_is_full_under_load_loses_and_doubles_nothing_and_all_goes_on_once_there_is_room(
    own_redis: OwnRedis, sandbox: Sandbox, under_load: UnderLoad, start_caller: StartCaller
) -> None:
    workers, caller = under_load(own_redis.url, ALERTS - LATE)
    until(lambda: sandbox.stored >= 3, "the burst")
    with redis.Redis.from_url(own_redis.url) as client:
        client.config_set("maxmemory", 1)
        # the other may have raised all of its own
        late = start_caller(LATE, first=ALERTS - LATE, REDIS_URL=own_redis.url)
        late.wait_for("the first is refused")
        until(lambda: all("Redis is full" in each.output() for each in workers), "that both say why nothing goes")
        client.config_set("maxmemory", 0)
    assert_all_arrived_once(sandbox, caller, late)
    assert [worker.stop() for worker in workers] == [0, 0], "each still listens"


def test_behind_sentinels_a_replica_takes_over_under_load(
    sentinel_redis: SentinelRedis, sandbox: Sandbox, under_load: UnderLoad, configured: dict[str, str]
) -> None:
    workers, caller = under_load(sentinel_redis.url)
    until(lambda: sandbox.stored >= 3, "the burst")
    sentinel_redis.master.away()
    until(sentinel_redis.misses_master, "that the master is missed")  # what was said before it ended is written by now
    starved = [process.name for process in (*workers, caller) if "no replica of Redis has taken" in process.output()]
    if starved:
        pytest.skip(f"replicas without processor time: {starved} went on before one had a step, and said so")
    until(lambda: not missing(sandbox) or sentinel_redis.failovers() > 1, "all alerts", 90, poll_seconds=0.5)
    if sentinel_redis.failovers() > 1:  # to the one that had nothing yet of what was raised since
        pytest.skip("a new master without processor time: the sentinels have replaced it as well")
    assert_all_arrived_once(sandbox, caller)
    there = {**configured, "REDIS_URL": sentinel_redis.url}
    until(lambda: statuses(there) == {"delivered": ALERTS}, "the results")
    assert notifier(there, "send", "general", "after it", "--wait", "30")["status"] == "delivered"
    (steps,) = (stats for each in sentinel_redis.replicas if "cmdstat_wait" in (stats := each.statistics()))
    assert steps["cmdstat_wait"]["calls"] > 0, "what was answered outlives the master"
    assert [worker.stop() for worker in workers] == [0, 0], "each still listens"


def test_a_worker_keeps_no_connection_to_a_redis_that_was_restarted(
    own_redis: OwnRedis, sandbox: Sandbox, start_worker: StartWorker, configured: dict[str, str]
) -> None:
    there = {**configured, "REDIS_URL": own_redis.url}
    worker = start_worker(**QUICK, REDIS_URL=own_redis.url)
    for number in range(RESTARTS):
        own_redis.away()
        until(lambda number=number: worker.output().count("Connection to broker lost") > number, "that it is missed")
        own_redis.back()
        assert notifier(there, "send", "general", "after it", "--wait", "60")["status"] == "delivered"
    connections = psutil.Process(worker.pid).net_connections("tcp")
    # idle ones of a pool are closed as they are used next
    assert sum(each.status == psutil.CONN_CLOSE_WAIT for each in connections) < RESTARTS


def statuses(environment: dict[str, str]) -> Counter[str]:
    """How many records there are of each status; printed, so that a failure shows them."""
    found = Counter(record["status"] for record in notifier(environment, "history", "--limit", "1000"))
    print(found)
    return found


def notifier(environment: dict[str, str], *arguments: str) -> Any:
    """What a command prints."""
    done = run_notifier(*arguments, "--json", env=environment, cwd=Path.cwd())
    assert_no_secrets(texts={"output": done.stdout + done.stderr})
    assert done.returncode == 0
    return json.loads(done.stdout)
