"""A process that is killed at work loses no alert, and doubles only those whose answer was not stored."""

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.models import AlertType
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application
from tests.faults.conftest import GENERAL, QUICK, WEBHOOKS, assert_none_lost, burst, doubled, titles_of
from tests.servers import until

STATE = "notifier:outbox:general:state"
CGROUPS = Path("/sys/fs/cgroup/memory")
TRACKLIST = WEBHOOKS[AlertType.TRACKLIST]
GATE = f"notifier:gate:webhook:{GENERAL}:state"
LONG = 10_000_000
"""Microseconds, by Redis' clock."""
KILLS = 4
BATCH = 10
pytestmark = pytest.mark.slow


def test_500_alerts_outlive_workers_that_are_killed_at_random(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    dice = random.Random(7)
    raised = burst(application, 500)
    sandbox.fault(method="POST", kind="delay", when="after", seconds=0.3)
    workers = [start_worker(**QUICK), start_worker(**QUICK)]
    finals = application.pipeline.records.read
    for _ in range(KILLS):
        stored = sandbox.stored + dice.randrange(1, 6)
        until(lambda stored=stored: sandbox.stored >= stored or all(finals(list(raised))), "the next message")
        workers.pop(dice.randrange(2)).kill()
        workers.append(start_worker(**QUICK))
    records = application.wait(list(raised), 100)
    titles = titles_of(sandbox)
    assert_none_lost(records, titles, raised)
    assert len(doubled(titles)) <= KILLS * BATCH * len(AlertType)
    committed = {str(record["message_id"]) for record in records}
    cut_off = [each for each in sandbox.messages() if each["id"] not in committed]
    assert len(cut_off) <= KILLS * len(AlertType), "at most one request of each webhook is under way at a kill"
    assert doubled(titles) <= {embed["title"] for each in cut_off for embed in each["embeds"]}


def test_a_worker_told_to_end_commits_the_request_it_is_making_and_leaves_the_rest(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    first = start_worker()
    sandbox.fault(webhook_id=GENERAL, method="POST", kind="delay", when="after", seconds=3, times=1)
    in_flight = application.raise_alerts("in flight")
    until(lambda: "in flight" in sandbox.titles(), "the request")
    waiting = application.raise_alerts(*(f"waits {number}" for number in range(20)))
    os.kill(first.pid, signal.SIGTERM)
    until(lambda: not first.running, "its end")
    assert first.exit_code == 0
    assert application.pipeline.records.get(in_flight[0]), "it was committed"
    assert not any(map(application.pipeline.records.get, waiting))
    start_worker()
    assert {record["status"] for record in application.wait(in_flight + waiting)} == {"delivered"}
    assert doubled(titles_of(sandbox)) == set()


def test_a_pool_process_that_is_killed_with_a_request_under_way_loses_no_alert(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    # Celery takes `prefork` for the default, over which the configured pool wins; this is its other name
    worker = start_worker("--pool", "processes", "--concurrency", "2", **QUICK)
    redis = application.pipeline.redis
    sandbox.fault(webhook_id=GENERAL, method="POST", kind="delay", when="before", seconds=60, times=1)
    first = application.raise_alerts("under way")
    until(lambda: sandbox.stats()["requests"] and redis.hget(STATE, "worker"), "the request")
    holder = int(str(redis.get(f"notifier:worker:{redis.hget(STATE, 'worker')}")))
    assert holder != worker.pid
    waiting = application.raise_alerts(*(f"waits {number}" for number in range(20)))
    os.kill(holder, signal.SIGKILL)
    assert {record["status"] for record in application.wait(first + waiting)} == {"delivered"}
    assert worker.running
    assert doubled(titles_of(sandbox)) == set()


def test_a_worker_that_is_killed_while_it_looks_a_webhook_up_holds_its_alerts_for_seconds_only(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    doomed, redis = start_worker(), application.pipeline.redis
    sandbox.fault(webhook_id=GENERAL, method="GET", kind="delay", when="before", seconds=60, times=1)
    waiting = application.raise_alerts("waits for the look-up")
    until(lambda: redis.hget(GATE, "introducing_until"), "the look-up")
    lease_ends = float(redis.hget(GATE, "introducing_until") or 0)
    doomed.kill()
    start_worker()
    assert {record["status"] for record in application.wait(waiting)} == {"delivered"}
    assert float(redis.hget(GATE, "introduced_at") or 0) < lease_ends - LONG, "long before its lease was over"


def test_workers_that_are_killed_while_discord_hangs_end_no_alert_and_no_group(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    raised = {each: f"alert {n}" for n in range(40) for each in application.raise_alerts(f"alert {n}")}
    monkeypatch.setenv("DISCORD_GROUP_SECONDS_TRACKLIST", "1")
    grouping = Application(application.app)
    group = grouping.raise_alerts(*(f"of a group {n}" for n in range(12)), alert_type=AlertType.TRACKLIST)
    sandbox.fault(webhook_id=GENERAL, method="POST", kind="delay", when="before", seconds=600)
    sandbox.fault(webhook_id=TRACKLIST, method="POST", kind="delay", when="before", seconds=600, times=1)
    patient = QUICK | {"DISCORD_TIMEOUT_SECONDS": "2"}
    for kill in range(1, 6):
        asked = len(hanging(sandbox))
        worker = start_worker(**patient)
        until(lambda asked=asked, kill=kill: len(hanging(sandbox)) > asked + kill % 2, "requests that hang")
        until(lambda: hanging(sandbox, TRACKLIST), "the group's request")
        worker.kill()
    assert not any(application.pipeline.records.read(list(raised)))
    sandbox.call("DELETE", "faults")
    start_worker(**patient)
    records = application.wait(list(raised), 100)
    ended = {record["message_id"] for record in grouping.wait(group)}
    (whole,) = (each for each in sandbox.messages() if each["webhook_id"] == TRACKLIST)
    assert ended == {whole["id"]}, "again as one message"
    assert whole["content"].startswith("12 alerts in 1 s: ")
    assert "may be a duplicate" in whole["embeds"][0]["footer"]["text"]
    titles = titles_of(sandbox)
    del titles[whole["embeds"][0]["title"]]
    assert_none_lost(records, titles, raised)
    grouping.pipeline.redis.close()


def hanging(sandbox: Sandbox, webhook_id: str = GENERAL) -> list[object]:
    """Each request of a webhook that hangs there, or has."""
    faults = (each for each in sandbox.call("GET", "faults") if each["webhook_id"] == webhook_id)
    return [fault for fault in faults for _ in range(fault["fired"])]


@pytest.fixture
def no_memory() -> Iterator[Path]:
    """A control group whose processes get no memory beyond what they have; the kernel kills one that asks."""
    group = CGROUPS / f"notifier-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text("4096")
    except OSError as error:
        pytest.skip(f"no control group of our own here: {error}")
    yield group
    group.rmdir()


def test_a_worker_that_the_kernel_kills_for_want_of_memory_loses_no_alert(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, no_memory: Path
) -> None:
    patient = QUICK | {"DISCORD_TIMEOUT_SECONDS": "5"}
    doomed = start_worker(**patient)
    sandbox.fault(webhook_id=GENERAL, method="POST", kind="delay", when="after", seconds=3, times=1)
    ids = application.raise_alerts(*(f"alert {number}" for number in range(50)))
    until(lambda: sandbox.stored, "a request that is stored and not answered")
    cut_off = [embed["title"] for embed in sandbox.messages()[0]["embeds"]]
    (no_memory / "cgroup.procs").write_text(str(doomed.pid))
    until(lambda: not doomed.running, "the kernel")
    assert doomed.exit_code == 128 + signal.SIGKILL
    start_worker(**patient)
    assert {record["status"] for record in application.wait(ids)} == {"delivered"}
    assert doubled(titles_of(sandbox)) == set(cut_off)


def test_a_split_alert_whose_workers_are_killed_between_its_parts_repeats_none_but_what_was_under_way(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    lines = "\n".join(f"{number:>4} {'x' * 60}" for number in range(220))
    held = {"webhook_id": GENERAL, "method": "POST", "kind": "delay", "seconds": 60, "times": 1}
    sandbox.fault(match="long (2/4)", when="before", **held)  # dies with nothing posted
    sandbox.fault(match="long (3/4)", when="after", **held)  # dies with the message posted, and its answer lost
    patient = {**QUICK, "DISCORD_TIMEOUT_SECONDS": "20"}
    workers = [start_worker(**patient)]
    (notification_id,) = application.raise_alerts("long", message=lines, long_text="split")
    for held_back in (1, 2):
        until(lambda held_back=held_back: fired(sandbox) == held_back, f"fault {held_back}")
        workers[-1].kill()
        workers.append(start_worker(**patient))
    (record,) = application.wait([notification_id])
    titles = [message["embeds"][0]["title"] for message in sandbox.messages()]
    assert titles == ["long (1/4)", "long (2/4)", "long (3/4)", "long (3/4)", "long (4/4)"]
    repeats = [
        each for each in sandbox.messages() if "duplicate" in each["embeds"][0].get("footer", {}).get("text", "")
    ]
    assert [each["embeds"][0]["title"] for each in repeats] == ["long (2/4)", "long (3/4)"]
    assert len(record["message_ids"]) == 4
    assert record["message_id"] == sandbox.messages()[0]["id"]


def fired(sandbox: Sandbox) -> int:
    """How often the faults have fired."""
    return sum(int(each["fired"]) for each in sandbox.call("GET", "faults"))
