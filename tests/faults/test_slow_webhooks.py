"""Webhooks that hang hold up no alert of another type, in any pool and at any concurrency."""

import os
import re
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

import notifier
from notifier.models import AlertType
from notifier.outbox.terms import TRIGGER_HEADER
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application
from tests.faults.conftest import WEBHOOKS
from tests.servers import until

HANGING = [kind for kind in AlertType if kind not in (AlertType.CRITICAL, AlertType.SECURITY)]
FLOOD = 600
PATIENT = {"DISCORD_TIMEOUT_SECONDS": "40"}
POOLS = {
    # Celery takes `prefork` for the default, over which the configured pool wins; this is its other name
    "prefork, 4": ("--pool", "processes", "--concurrency", "4"),
    "prefork, 1": ("--pool", "processes", "--concurrency", "1"),
    "threads, 4": ("--pool", "threads", "--concurrency", "4"),
    "gevent, 4": ("--pool", "gevent", "--concurrency", "4"),
    "solo": ("--pool", "solo"),
}
pytestmark = pytest.mark.slow


def hang(sandbox: Sandbox, kinds: Sequence[AlertType], **fault: str) -> None:
    """Every request to these webhooks is answered late."""
    for kind in kinds:
        sandbox.fault(webhook_id=WEBHOOKS[kind], kind="delay", when="before", seconds=20, **fault)


def under_way(sandbox: Sandbox) -> int:
    """How many requests have met the fault so far."""
    return sum(fault["fired"] for fault in sandbox.call("GET", "faults"))


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_first_hang_of_four_webhooks_at_once_holds_up_no_other_type(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, pool: str, method: str
) -> None:
    hang(sandbox, HANGING, method=method)
    hung = [each for kind in HANGING for each in application.raise_alerts(kind, alert_type=kind)]
    worker = start_worker(*POOLS[pool], **PATIENT)
    until(lambda: under_way(sandbox), "the first of them hangs")
    others = [AlertType.CRITICAL, AlertType.SECURITY]
    ids = [each for kind in others for each in application.raise_alerts(kind, alert_type=kind)]
    application.wait(ids)
    until(lambda: under_way(sandbox) == len(HANGING), "all of them hang")
    assert not any(application.pipeline.records.read(hung)), "none of them has ended"
    worker.kill()


def test_a_webhook_that_was_fast_a_moment_ago_holds_up_no_other_type_either(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    worker = start_worker(*POOLS["prefork, 4"], **PATIENT)
    application.wait([each for kind in AlertType for each in application.raise_alerts("fast", alert_type=kind)])
    hang(sandbox, HANGING)
    hung = [each for kind in HANGING for each in application.raise_alerts("slow", alert_type=kind)]
    until(lambda: under_way(sandbox) == len(HANGING), "all of them hang")
    application.wait(application.raise_alerts("in time", alert_type=AlertType.CRITICAL))
    assert not any(application.pipeline.records.read(hung))
    worker.kill()


def test_more_webhooks_of_one_type_than_there_are_types_twice_hold_up_no_other_type(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    base = sandbox.variables["DISCORD_WEBHOOK_GENERAL"].rsplit("/", 2)[0]
    urls = []
    for number in range(2 * len(AlertType) + 2):
        webhook, token = str(1_500_000_000_000_000_001 + number), f"fake-token-{number:057}"
        sandbox.call("PUT", f"webhooks/{webhook}", token=token, channel_id=str(1_600_000_000_000_000_001 + number))
        sandbox.fault(webhook_id=webhook, method="POST", kind="delay", when="before", seconds=20)
        urls.append(f"{base}/{webhook}/{token}")
    worker = start_worker(*POOLS["threads, 4"], **PATIENT, DISCORD_WEBHOOK_GENERAL=",".join(urls))
    partitions = application.pipeline.keys.outbox(AlertType.GENERAL, "partitions")
    until(lambda: application.pipeline.redis.hget(partitions, "count") == str(len(urls)), "the worker's beat")
    for number in range(15 * len(urls)):  # so many that each webhook is given one
        application.raise_alerts("slow", source=f"host-{number}")
    until(lambda: under_way(sandbox) == len(urls), "all of them hang")
    application.wait(application.raise_alerts("in time", alert_type=AlertType.CRITICAL))
    assert sandbox.titles() == ["in time"], "none of them has ended"
    worker.kill()


def test_a_critical_alert_passes_the_delivery_tasks_of_a_flood_whose_webhook_hangs(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    hang(sandbox, [AlertType.GENERAL], method="POST")
    flood = application.raise_alerts(*map(str, range(FLOOD)))
    sent = {"headers": {TRIGGER_HEADER: True}, "queue": "notifications.general", "ignore_result": True}
    for each in flood:  # so many, whether or not each has sent one of its own
        application.app.send_task("send_notification.general", task_id=each, **sent)
    worker = start_worker(**PATIENT, DISCORD_QUEUE_SIZE=str(FLOOD), NOTIFIER_SWEEP_SECONDS="60")
    queue = partial(application.pipeline.redis.llen, "notifications.general")
    until(lambda: queue() < FLOOD - 50, "the flood is under way", poll_seconds=0.01)
    worker.signal(signal.SIGSTOP)
    before = taken(worker.output())
    (critical,) = application.raise_alerts("in time", alert_type=AlertType.CRITICAL)
    worker.signal(signal.SIGCONT)
    end = f"[{critical}] ignored"
    until(lambda: end in worker.output(), "the critical one")
    assert taken(worker.output().split(end)[0]) - before < FLOOD / 2, "it came behind few of them"
    assert application.wait([critical])[0]["status"] == "delivered"


def taken(log: str) -> int:
    """How many delivery tasks of the flood a worker had taken by then."""
    return len(re.findall(r"Task send_notification\.general\S+ received", log))


@pytest.mark.parametrize("pool", ["prefork, 4", "solo"])
def test_a_worker_told_to_end_commits_the_requests_that_hold_no_slot(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, pool: str
) -> None:
    for kind in HANGING:
        sandbox.fault(webhook_id=WEBHOOKS[kind], method="POST", kind="delay", when="after", seconds=6)
    worker = start_worker(*POOLS[pool])
    ids = [each for kind in HANGING for each in application.raise_alerts("slow", alert_type=kind)]
    until(lambda: sandbox.stored == len(HANGING), "all of them are stored by Discord, and not answered")
    until(lambda: all(f"[{each}] ignored" in worker.output() for each in ids), "the end of their tasks")
    assert not any(application.pipeline.records.read(ids))
    os.kill(worker.pid, signal.SIGTERM)
    until(lambda: not worker.running, "its end")
    assert worker.exit_code == 0
    assert [record["status"] for record in application.wait(ids, 1)] == ["delivered"] * len(ids)
    # billiard itself sometimes stumbles over half an answer of a process that it ends
    assert f'File "{Path(notifier.__file__).parent}' not in worker.output(), "no traceback through us"


@pytest.mark.parametrize(
    ("arguments", "warning"),
    [
        (("--concurrency", "6"), "a pool of 6 for 6 alert types"),
        (("--concurrency", "7"), None),
        (("--pool", "solo", "-Q", "notifications.critical"), "a pool of 1 for 1 alert types"),
        (("--pool", "processes", "--autoscale", "7,1"), None),
    ],
)
def test_a_worker_says_at_its_start_that_its_pool_is_too_small_for_its_types(
    start_worker: StartWorker, arguments: Sequence[str], warning: str | None
) -> None:
    started = start_worker(*arguments).output()
    said = re.findall(r"a pool of \d+ for \d+ alert types", started)
    assert said == ([warning] if warning else [])


@pytest.mark.parametrize(
    ("arguments", "warned"),
    [
        (("--pool", "processes", "--max-tasks-per-child", "100"), True),
        (("--pool", "processes", "--max-memory-per-child", "1000000"), True),
        (("--pool", "processes"), False),
        (("--pool", "threads", "--max-tasks-per-child", "100"), False),
    ],
)
def test_a_worker_says_at_its_start_that_its_processes_wait_for_slow_requests_when_they_are_replaced(
    start_worker: StartWorker, arguments: Sequence[str], *, warned: bool
) -> None:
    started = start_worker("--concurrency", "7", *arguments).output()
    assert ("a process that is replaced waits for its requests" in started) == warned
