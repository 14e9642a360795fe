"""Celery's ``expires``, ``countdown``, ``eta`` and ``revoke`` do to an alert what they say, by every door."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from celery import Celery
from celery.exceptions import TaskRevokedError
from celery.result import AsyncResult, GroupResult
from pydantic import SecretStr

from notifier.cli.processes import Process
from notifier.errors import BrokerUnavailable
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.terms import Terms
from notifier.outbox.withdrawals import Withdrawal
from notifier.outcome import Status
from notifier.pipeline import Pipeline
from tests.conftest import Sandbox
from tests.e2e.conftest import Application, Notifier, RunPython, client_app
from tests.names import names
from tests.servers import OwnRedis, until

ERROR, ERRORS = AlertType.ERROR, "1000000000000000002"
LONG = 600
"""Seconds that no test waits for."""
TIMEOUT_SECONDS = 1.0
SLACK_SECONDS = 5


@pytest.fixture
def foreign(redis_url: str) -> Iterator[Celery]:
    """A program that knows only the task's name."""
    foreign = Celery("foreign", broker=redis_url, backend=redis_url)
    yield foreign
    foreign.close()


def by_name(foreign: Celery, title: str, **options: object) -> "AsyncResult[object]":
    return foreign.send_task(
        "send_notification.error", kwargs={"title": title}, queue="notifications.error", **options  # type: ignore[arg-type]
    )  # fmt: skip


def admitted(application: Application, notification_id: str) -> dict[str, str]:
    """What is stored of an alert, once it is."""
    key = names.notification(notification_id)
    until(lambda: application.pipeline.redis.hexists(key, "admitted_at"), "its admission")
    return application.pipeline.redis.hgetall(key)


@pytest.fixture
def closed(application: Application, sandbox: Sandbox, worker: Process) -> str:
    """The id of an alert behind which the gate of its type is closed, for long."""
    sandbox.fault(webhook_id=ERRORS, method="POST", kind="rate_limit", seconds=LONG, times=1)
    (waits,) = application.raise_alerts("waits", alert_type=ERROR)
    until(lambda: application.pipeline.redis.hexists(names.notification(waits), "seen_at"), "a closed gate")
    return waits


ARGUMENTS = [
    "countdown=600",
    "countdown=600.5, eta=datetime.now(UTC)",
    "eta=datetime.now(UTC) + timedelta(seconds=600)",
    "eta=(datetime.now(UTC) + timedelta(seconds=600)).replace(tzinfo=None)",
    "eta=(datetime.now(UTC) + timedelta(seconds=600)).isoformat()",
]


def test_apply_async_postpones_by_countdown_and_by_eta(
    application: Application, run_python: RunPython, sandbox: Sandbox, worker: Process
) -> None:
    calls = "\n".join(
        f"print(send_notification['error'].apply_async(kwargs={{'title': 'later'}}, expires=900, {each}).id)"
        for each in ARGUMENTS
    )
    done = run_python(f"from datetime import *\nfrom tasks import send_notification\n{calls}")
    ids = done.stdout.split()
    assert len(ids) == len(ARGUMENTS), done.stderr
    now = time.time()
    for each in ids:
        stored = admitted(application, each)
        assert LONG - 60 < float(stored["not_before"]) / 1e6 - now <= LONG + 1
        assert 60 < (float(stored["expires_at"]) - float(stored["not_before"])) / 1e6 <= 301
    # what comes later is sent first, so all of these dispatches have ended by then
    application.wait(application.raise_alerts("now", alert_type=ERROR))
    assert sandbox.titles() == ["now"]
    (scheduled,) = (application.app.control.inspect(timeout=10, limit=1).scheduled() or {}).values()
    held = {each["request"]["name"] for each in scheduled}
    assert held <= {"send_notification.wake_up"}, "no worker holds an alert in its memory"


@pytest.mark.slow
def test_a_program_that_knows_only_the_name_postpones_too(
    application: Application, foreign: Celery, sandbox: Sandbox, worker: Process
) -> None:
    eta = datetime.now(UTC) + timedelta(seconds=LONG)
    later = by_name(foreign, "later", eta=eta, expires=2 * LONG)
    soon = by_name(foreign, "soon", countdown=1)
    stored = admitted(application, later.id)
    assert abs(float(stored["not_before"]) / 1e6 - eta.timestamp()) < SLACK_SECONDS
    assert 0 < float(stored["expires_at"]) / 1e6 - time.time() <= 2 * LONG
    not_before = float(admitted(application, soon.id)["not_before"])
    (record,) = application.wait([soon.id])
    assert record["status"] == "delivered"
    assert datetime.fromisoformat(record["finished_at"]).timestamp() * 1e6 >= not_before
    assert sandbox.titles() == ["soon"]
    assert application.pipeline.explain(later.id)[1].what.startswith("waits until ")


@pytest.mark.slow
def test_a_retry_keeps_its_own_countdown_and_the_alert_its_terms(
    application: Application, foreign: Celery, sandbox: Sandbox, worker: Process
) -> None:
    sandbox.fault(webhook_id=ERRORS, method="POST", kind="status", status=503, times=1)
    result = by_name(foreign, "at the second attempt", countdown=0.5, expires=LONG)
    expires_at = admitted(application, result.id)["expires_at"]
    (record,) = application.wait([result.id])
    assert (record["status"], record["attempts"]) == ("delivered", 2)
    assert admitted(application, result.id)["expires_at"] == expires_at


@pytest.mark.slow
def test_by_both_doors_an_alert_expires_as_a_dead_letter_while_the_gate_is_closed(
    application: Application, foreign: Celery, sandbox: Sandbox, closed: str, run_python: RunPython
) -> None:
    mine = run_python(
        "from tasks import send_notification as send\n"
        "print(send['error'].apply_async(kwargs={'title': 'short-lived'}, expires=1).id)\n"
        "print(send['error'].apply_async(kwargs={'title': 'past'}, expires='2020-01-01').id)"
    )
    ids = [*mine.stdout.split(), by_name(foreign, "by name", expires=1).id, by_name(foreign, "past", expires=-9).id]
    assert len(ids) == 4, mine.stderr
    records = application.wait(ids)
    assert {(each["status"], each["reason"]) for each in records} == {("expired", "expired")}
    assert {each["id"] for each in application.pipeline.dead_letters.list()} == set(ids)
    assert {AsyncResult(each, app=foreign).state for each in ids}.isdisjoint({"REVOKED", "PENDING"})
    assert (sandbox.stored, application.pipeline.records.get(closed)) == (0, None)


def test_by_name_too_a_time_that_cannot_be_kept_is_told(
    application: Application, foreign: Celery, sandbox: Sandbox, worker: Process
) -> None:
    result = by_name(foreign, "never", countdown=60, expires=30)
    (record,) = application.wait([result.id])
    assert (record["status"], record["reason"]) == ("rejected", "invalid_message")
    assert record["detail"].startswith("eta: the alert would expire before that")


@pytest.mark.parametrize("door", ["result", "control", "worker", "group"])
def test_an_alert_that_waits_is_withdrawn_by_each_of_celerys_doors(
    application: Application, sandbox: Sandbox, closed: str, door: str
) -> None:
    app = application.app
    ids = application.raise_alerts("one", "two", alert_type=ERROR)
    if door == "result":
        for each in ids:
            AsyncResult(each, app=app).revoke(terminate=True)
    elif door == "control":
        app.control.revoke(ids)
    elif door == "worker":
        for command in ("revoke", "terminate"):
            arguments = {"task_id": ids, "signal": "KILL"}
            (answer,) = app.control.broadcast(command, arguments=arguments, reply=True, timeout=10, limit=1)
            told = [each["ok"] for each in answer.values()]
            answered = "withdrawn" if command == "revoke" else "already_withdrawn"
            assert told == [", ".join(f"{each} {answered}" for each in ids)]
    else:
        GroupResult("group", [AsyncResult(each, app=app) for each in ids], app=app).revoke()
    records = application.wait(ids)
    assert {(each["status"], each["reason"]) for each in records} == {("withdrawn", "revoked")}
    for each in ids:
        with pytest.raises(TaskRevokedError, match="revoked"):
            AsyncResult(each, app=app).get(timeout=30)
    assert [each["id"] for each in application.pipeline.history.query(status=Status.WITHDRAWN)] == ids[::-1]
    assert application.pipeline.dead_letters.list() == []
    assert application.pipeline.records.get(closed) is None, "the one before them waits on"
    found = app.control.inspect(timeout=10, limit=1).revoked()
    assert list((found or {}).values()) == [[]], "no worker remembers them"


@pytest.mark.slow
def test_celerys_command_and_ours_withdraw(
    application: Application, closed: str, notifier: Notifier, configured: dict[str, str], tmp_path: Path
) -> None:
    one, two, three = application.raise_alerts("one", "two", "three", alert_type=ERROR)
    command = [sys.executable, "-m", "celery", "-A", "notifier", "control", "revoke", one]
    subprocess.run(command, env=configured, cwd=tmp_path, timeout=60, check=False)
    assert [record["status"] for record in application.wait([one])] == ["withdrawn"]
    ours = notifier("withdraw", two, "nobody", one, "--json")
    assert json.loads(ours.stdout) == {two: "withdrawn", "nobody": "not_found", one: "already_withdrawn"}
    assert ours.returncode == 1
    assert (notifier("withdraw", three).stdout, closed) == (f"{three}: withdrawn\n", closed)
    assert {each["status"] for each in application.wait([one, two, three])} == {"withdrawn"}


@pytest.mark.slow
def test_one_under_way_is_delivered_and_says_that_a_revoke_came_too_late(
    application: Application, sandbox: Sandbox, worker: Process
) -> None:
    sandbox.fault(webhook_id=ERRORS, method="POST", kind="delay", when="after", seconds=5, times=1)
    (under_way,) = application.raise_alerts("under way", alert_type=ERROR)
    until(lambda: sandbox.stored, "the request", poll_seconds=0.02)
    assert application.pipeline.withdraw([under_way]) == {under_way: Withdrawal.TOO_LATE}
    (record,) = application.wait([under_way])
    assert (record["status"], record["revoke"]) == ("delivered", "too_late")
    assert application.result(under_way)["revoke"] == "too_late"
    AsyncResult(under_way, app=application.app).revoke()
    assert AsyncResult(under_way, app=application.app).state == "SUCCESS", "what is final stays"
    assert "not withdrawn: in flight" in [step.what for step in application.pipeline.explain(under_way)]


def test_one_that_was_revoked_before_it_came_by_name_is_withdrawn(
    application: Application, foreign: Celery, sandbox: Sandbox, worker: Process
) -> None:
    arguments = {"task_id": ["too-early"]}
    application.app.control.broadcast("revoke", arguments=arguments, reply=True, timeout=10, limit=1)
    by_name(foreign, "too early", task_id="too-early")
    (record,) = application.wait(["too-early"])
    assert (record["status"], record["message"]["title"]) == ("withdrawn", "too early")
    assert AsyncResult("too-early", app=foreign).state == "REVOKED"
    assert sandbox.stored == 0


@pytest.fixture
def away(own_redis: OwnRedis, tmp_path: Path) -> Iterator[Pipeline]:
    """An application with a disk, on a Redis that the test can stop."""
    settings = Application(client_app(own_redis.url)).pipeline.settings.model_copy(
        update={
            "redis_url": SecretStr(own_redis.url),
            "publish_timeout_seconds": TIMEOUT_SECONDS,
            "spool_dir": tmp_path / "spool",
        }
    )
    pipeline = Pipeline(client_app(own_redis.url), settings)
    yield pipeline
    pipeline.redis.close()


@pytest.mark.slow
def test_while_redis_is_silent_a_revoke_raises_within_the_limit(away: Pipeline, own_redis: OwnRedis) -> None:
    away.client.submit(NotificationMessage(id="a", title="a"))
    own_redis.freeze()
    begun = time.monotonic()
    with pytest.raises(BrokerUnavailable, match="Redis at "):
        AsyncResult("a", app=away.app).revoke()
    assert time.monotonic() - begun < TIMEOUT_SECONDS + SLACK_SECONDS


def test_what_is_spooled_keeps_its_terms(away: Pipeline, own_redis: OwnRedis) -> None:
    own_redis.away()
    for name, terms in (
        ("postponed", Terms(after_seconds=LONG, expires_seconds=2 * LONG, callbacks="[]")),
        ("short-lived", Terms(expires_seconds=0.01)),
        ("at-once", Terms()),
    ):
        assert away.client.submit(NotificationMessage(id=name, title=name), terms).status is Status.SPOOLED
    own_redis.back()
    assert away.spool is not None
    assert away.spool.flush(away.publisher.submit_spooled) == set()
    keys = ("not_before", "expires_at", "callbacks")
    stored = {
        name: away.redis.hmget(names.notification(name), keys) for name in ("postponed", "short-lived", "at-once")
    }
    now = time.time() * 1e6
    assert 0 < float(stored["postponed"][0]) - now <= LONG * 1e6
    assert 0 < float(stored["postponed"][1]) - now <= 2 * LONG * 1e6
    assert stored["postponed"][2] == "[]"
    assert float(stored["short-lived"][1]) < now, "it ends as expired once a worker claims"
    assert stored["at-once"] == [None, None, None]
    assert away.redis.zrange(names.outbox("general", "delayed"), 0, -1) == ["postponed"]


@pytest.mark.slow
def test_whoever_waits_for_one_that_is_withdrawn_is_answered(
    application: Application, closed: str, run_python: RunPython
) -> None:
    program = """
from notifier import DiscordNotificationService, NotificationMessage
message = NotificationMessage(id="taken-back", alert_type="error", title="taken back")
result = DiscordNotificationService().send_and_wait(message, 50)
print(result.status, result.success, result.error)
"""
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(run_python, program)
        admitted(application, "taken-back")
        assert application.pipeline.withdraw(["taken-back"]) == {"taken-back": Withdrawal.WITHDRAWN}
        done = waiting.result(timeout=60)
    assert done.stdout == "withdrawn False revoked\n", done.stderr
