"""A delivery task is a trigger: it carries the id of its alert, and none of its texts."""

import base64
import json
from typing import Any

import pytest
import redis
from celery import Celery

from notifier.cli.processes import Process
from tests.conftest import Sandbox, StartWorker
from tests.e2e import patient_slots
from tests.e2e.conftest import Application, RunPython
from tests.servers import until

TEXT = "long " * 20_000
SMALL = 3_000
"""Bytes of a message with headers, properties and no arguments, and some."""
QUEUE = "notifications.error"
SENT = """
from tasks import send_notification
error = send_notification["error"]
{call}
"""


def body_of(entry: str) -> Any:
    """What Celery's message holds: args, kwargs, and what hangs on it."""
    return json.loads(base64.b64decode(json.loads(entry)["body"]))


@pytest.mark.parametrize(
    "call",
    [
        "error.delay(title='T', message={text!r})",
        pytest.param("error.apply_async(('T', {text!r}), countdown=60, headers={{'own': 1}})", marks=pytest.mark.slow),
        pytest.param("error.s('T').apply_async(kwargs={{'message': {text!r}}})", marks=pytest.mark.slow),
    ],
    ids=["delay", "apply_async", "signature"],
)
def test_what_an_application_sends_carries_the_id_alone(run_python: RunPython, redis_url: str, call: str) -> None:
    done = run_python(SENT.format(call=call.format(text=TEXT)))
    assert done.returncode == 0, done.stderr
    client = redis.Redis.from_url(redis_url, decode_responses=True)
    (entry,) = client.lrange(QUEUE, 0, -1)
    args, kwargs, hanging = body_of(entry)
    assert (args, kwargs, any(hanging.values())) == ([], {}, False)
    headers = json.loads(entry)["headers"]
    assert (headers["kwargsrepr"], len(entry) < SMALL) == ("title='T'", True)
    assert "own" not in call or headers["own"] == 1
    assert client.hget(f"notifier:notification:{headers['id']}", "message"), "the outbox has its texts"
    client.close()


@pytest.mark.slow
def test_a_retry_carries_the_id_alone_whoever_sent_the_first(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, redis_url: str
) -> None:
    foreign = Celery("foreign", broker=redis_url, backend=redis_url, set_as_current=False)
    sandbox.fault(method="POST", kind="status", status=502, times=1)
    worker = start_worker("-I", patient_slots.__name__, DISCORD_RETRY_BACKOFF_SECONDS="4")
    sent = foreign.send_task("send_notification.error", queue=QUEUE, kwargs={"title": "by name", "message": TEXT})
    foreign.close()
    worker.wait_for(rf"send_notification\.error\[{sent.id}\] retry: Retry in")
    client = application.pipeline.redis

    def retries() -> list[str]:
        held = [*client.hvals("notifier:unacked"), *client.lrange(QUEUE, 0, -1)]
        return [each for each in held if '"retries": 1' in each]

    until(retries, "the retry: between the queue and what the worker notes of it, it is nowhere", poll_seconds=0.01)
    (retry,) = retries()
    assert (str(sent.id) in retry, len(retry) < SMALL) == (True, True)
    (record,) = application.wait([str(sent.id)])
    assert (record["status"], record["attempts"]) == ("delivered", 2)
    assert len(sandbox.posts()) == 2


@pytest.mark.slow
def test_where_redis_has_lost_the_alert_its_trigger_makes_no_other_of_it(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, run_python: RunPython, redis_url: str
) -> None:
    there = {"CELERY_BROKER_URL": redis_url.removesuffix("1") + "2"}
    broker = redis.Redis.from_url(there["CELERY_BROKER_URL"], decode_responses=True)
    broker.flushdb()
    done = run_python(SENT.format(call="print(error.delay(title='lost').id)"), **there)
    lost = done.stdout.split()[-1]
    assert len(broker.lrange(QUEUE, 0, -1)) == 1
    application.pipeline.redis.flushdb()
    worker = start_worker(**there)
    worker.wait_for(rf"alert {lost} was admitted, and Redis does not know it")
    worker.wait_for(rf"send_notification\.error\[{lost}\] ignored")
    (after,) = application.raise_alerts("after")
    application.wait([after])
    assert sandbox.titles() == ["after"]
    assert application.pipeline.dead_letters.list() == []
    assert [each["id"] for each in application.pipeline.history.query()] == [after]
    broker.flushdb()
    broker.close()


def test_without_fields_a_task_by_name_is_still_a_dead_letter(
    application: Application, sandbox: Sandbox, worker: Process, redis_url: str
) -> None:
    foreign = Celery("foreign", broker=redis_url, backend=redis_url, set_as_current=False)
    sent = foreign.send_task("send_notification.error", queue=QUEUE)
    foreign.close()
    (record,) = application.wait([str(sent.id)])
    assert (record["status"], record["reason"]) == ("rejected", "invalid_message")
