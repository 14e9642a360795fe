"""An alert that reaches a worker by the task's name and cannot be sent is a dead letter, whole and replayable."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery

from notifier.cli.processes import Process
from notifier.errors import InvalidMessage, NotDelivered
from notifier.models import AlertType
from notifier.outcome import Status
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, Notifier
from tests.servers import until

ERROR: dict[str, Any] = {"name": "send_notification.error", "queue": "notifications.error"}


@pytest.fixture
def foreign(redis_url: str) -> Iterator[Celery]:
    """A program that knows the name of the task, and nothing else."""
    app = Celery("foreign", broker=redis_url, backend=redis_url, set_as_current=False)
    yield app
    app.close()


@pytest.mark.slow
def test_a_wrong_field_makes_a_dead_letter_that_is_replayed_once_it_is_mended(
    application: Application, foreign: Celery, sandbox: Sandbox, worker: Process, notifier: Notifier
) -> None:
    given = {"titel": "typo", "message": "the disk is full", "fields": {"Mount": "/var"}}
    result = foreign.send_task(**ERROR, kwargs=given)
    with pytest.raises(NotDelivered, match=r"^rejected: invalid_message") as raised:
        application.result(str(result.id))
    assert "titel: not a field of a NotificationMessage" in str(raised.value)
    assert json.loads(raised.value.record["given"]) == {"args": [], "kwargs": given}
    assert [each["id"] for each in application.pipeline.history.query(search="typo")] == [result.id]
    (dead,) = application.pipeline.dead_letters.list(limit=10)
    assert dead == raised.value.record
    (step,) = application.pipeline.explain(str(result.id))
    assert step.what.startswith("refused: invalid message (titel: not a field")

    shown = notifier("dead", "show", str(result.id))
    assert json.dumps(given["message"]) in shown.stdout
    assert notifier("dead", "replay", str(result.id)).returncode == 1, "not mended"
    with pytest.raises(InvalidMessage, match="titel"):
        application.pipeline.dead_letters.replay(str(result.id), {"title": "fixed"})
    done = notifier("dead", "replay", str(result.id), "--set", "title=fixed", "--unset", "titel", "--json")
    (replayed,) = json.loads(done.stdout)["replayed"]
    (record,) = application.wait([replayed["as"]])
    assert record["status"] == "delivered"
    (embed,) = sandbox.messages()[0]["embeds"]
    assert (embed["title"], embed["description"], embed["fields"][0]["value"]) == ("fixed", given["message"], "/var")
    assert application.pipeline.dead_letters.list() == []
    *_, last = application.pipeline.explain(str(result.id))
    assert last.what.startswith(f"replayed as {record['id']}")


@pytest.mark.parametrize("title", ["x" * 10_001, "half a character \ud800"], ids=["long", "not UTF-8"])
def test_a_title_of_any_form_is_delivered(
    application: Application, foreign: Celery, sandbox: Sandbox, worker: Process, title: str
) -> None:
    result = foreign.send_task(**ERROR, kwargs={"title": title})
    (record,) = application.wait([str(result.id)], timeout_seconds=20)
    assert record["status"] == "delivered"


def test_a_refused_alert_that_is_sent_again_as_it_should_be_is_delivered_and_its_dead_letter_is_gone(
    application: Application, foreign: Celery, sandbox: Sandbox, worker: Process
) -> None:
    result = foreign.send_task(**ERROR, kwargs={"titel": "typo"})
    application.wait([str(result.id)])
    foreign.send_task(**ERROR, kwargs={"title": "right"}, task_id=result.id)
    until(lambda: application.wait([str(result.id)])[0]["status"] == "delivered", "the second try")
    assert application.pipeline.dead_letters.list() == []
    assert sandbox.titles() == ["right"]
    assert [each["status"] for each in application.pipeline.history.query()] == ["delivered"]


def test_an_id_that_dies_a_second_time_can_be_replayed_a_second_time(
    application: Application, foreign: Celery, sandbox: Sandbox, worker: Process
) -> None:
    letters = application.pipeline.dead_letters
    result = foreign.send_task(**ERROR, kwargs={"titel": "typo"})
    application.wait([str(result.id)])
    first = letters.replay(str(result.id), {"title": "first", "titel": None})
    application.wait([first])
    sandbox.fault(method="POST", kind="status", status=400, times=1)
    foreign.send_task(**ERROR, kwargs={"title": "second"}, task_id=result.id)
    until(lambda: letters.list(), "the second death")
    second = letters.replay(str(result.id))
    assert application.wait([second])[0]["status"] == "delivered"
    assert sandbox.titles() == ["first", "second"]


@pytest.mark.parametrize("task_id", ["order 42/ü", "[bold]", "x" * 300, "line\nbreak", "a'\"b"])
def test_whatever_its_id_is_an_alert_has_its_record_under_it(
    application: Application, foreign: Celery, sandbox: Sandbox, worker: Process, task_id: str
) -> None:
    sendable = len(task_id) < 256 and task_id.isprintable()
    foreign.send_task(**ERROR, kwargs={"title": "odd id"}, task_id=task_id)
    (record,) = application.wait([task_id])
    assert record["id"] == task_id
    assert record["status"] == ("delivered" if sendable else "rejected")
    assert [each["id"] for each in application.pipeline.dead_letters.list()] == ([] if sendable else [task_id])
    assert application.pipeline.explain(task_id)
    if not sendable:
        replayed = application.pipeline.dead_letters.replay(task_id)
        assert application.wait([replayed])[0]["status"] == "delivered"


def test_a_refused_alert_calls_its_errbacks(
    application: Application, foreign: Celery, sandbox: Sandbox, worker: Process
) -> None:
    instead = foreign.signature(
        "send_notification.general", kwargs={"title": "instead"}, immutable=True,
        options={"queue": "notifications.general"},
    )  # fmt: skip
    foreign.send_task(**ERROR, kwargs={"titel": "typo"}, link_error=instead)
    until(lambda: sandbox.titles() == ["instead"], "the errback")
    until(lambda: not application.pipeline.redis.exists("notifier:callbacks"), "all are noted as called")


@pytest.mark.slow
def test_without_room_an_alert_by_name_is_a_dead_letter_and_goes_out_once_there_is(
    application: Application, foreign: Celery, sandbox: Sandbox, start_worker: StartWorker, notifier: Notifier
) -> None:
    reject = {"DISCORD_QUEUE_SIZE": "1", "DISCORD_QUEUE_OVERFLOW": "reject"}
    sandbox.fault(method="POST", kind="rate_limit", seconds=600, times=1)
    worker = start_worker(**reject)
    first = foreign.send_task(**ERROR, kwargs={"title": "first"})
    until(lambda: application.pipeline.outbox.depth(AlertType.ERROR) == 1, "a full outbox")
    until(lambda: "rate limited" in str(application.pipeline.explain(str(first.id))), "a closed gate")
    second = foreign.send_task(**ERROR, kwargs={"title": "second"})
    worker.wait_for(rf"send_notification\.error\[{second.id}\] ignored")
    (dead,) = application.pipeline.dead_letters.list()
    assert (dead["id"], dead["status"]) == (second.id, Status.QUEUE_FULL)
    assert notifier("gate", "reset", "error").returncode == 0
    application.wait([str(first.id)])
    replayed = application.pipeline.dead_letters.replay(dead["id"])
    assert application.wait([replayed])[0]["status"] == "delivered"
    assert sandbox.titles() == ["first", "second"]
