"""An alert travels from the call to its channel: once, whole, in order, in as few requests as possible."""

from collections.abc import Callable
from typing import Any

import pytest
from celery import Celery

from notifier.cli.processes import Process
from notifier.errors import BrokerUnavailable, NotDelivered, QueueFull
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.record import Record
from notifier.outcome import Status
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, RunPython
from tests.servers import until

CHANNELS = {kind: f"200000000000000000{number}" for number, kind in enumerate(AlertType, 1)}


def test_each_type_reaches_its_channel_and_get_returns_at_delivery(
    application: Application, sandbox: Sandbox, worker: Process
) -> None:
    ids = {kind: application.raise_alerts(f"a {kind} alert", alert_type=kind)[0] for kind in AlertType}
    for kind, notification_id in ids.items():
        result = application.result(notification_id)
        assert result["status"] == Status.DELIVERED
        assert result["success"] is True
        assert result["channel_id"] == CHANNELS[kind]
        (message,) = sandbox.call("GET", f"messages?channel_id={CHANNELS[kind]}")
        assert message["id"] == result["message_id"]
        assert [embed["title"] for embed in message["embeds"]] == [f"a {kind} alert"]


@pytest.mark.slow
def test_a_hundred_alerts_and_two_workers_need_at_most_sixteen_requests_and_meet_no_429(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    start_worker()
    start_worker()
    titles = [f"burst {number:03}" for number in range(100)]
    records = application.wait(application.raise_alerts(*titles))
    assert {record["status"] for record in records} == {"delivered"}
    assert sandbox.titles() == titles, "all of them, once, in order"
    stats = sandbox.stats()
    assert stats["rate_limited"] == 0
    assert stats["executes"] <= 16
    for record in records:
        assert application.result(record["id"]) == record


@pytest.mark.slow
@pytest.mark.parametrize(("mode", "window_seconds"), [("sliding", 1), ("sliding", 4), ("fixed", 1), ("fixed", 4)])
def test_no_429_whatever_kind_of_bucket_discord_keeps(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, mode: str, window_seconds: float
) -> None:
    sandbox.call("PUT", "limits", bucket={"limit": 5, "window_seconds": window_seconds, "mode": mode})
    start_worker()
    start_worker()
    titles = [f"n{number}" for number in range(60)]
    application.wait(application.raise_alerts(*titles))
    assert sandbox.titles() == titles
    assert sandbox.stats()["rate_limited"] == 0


def raise_of_every_type(application: Application, count: int) -> list[str]:
    """Raise this many alerts of each type; their ids."""
    titles = {kind: [f"{kind}{number}" for number in range(count)] for kind in AlertType}
    return [each for kind in AlertType for each in application.raise_alerts(*titles[kind], alert_type=kind)]


@pytest.mark.slow
def test_types_that_share_a_webhook_share_its_budget(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    one = sandbox.variables["DISCORD_WEBHOOK_GENERAL"]
    everything_to_one = {name: one for name in sandbox.variables if "_WEBHOOK_" in name}
    start_worker(**everything_to_one)
    start_worker(**everything_to_one)
    application.wait(raise_of_every_type(application, 10))
    assert len(sandbox.titles()) == len(set(sandbox.titles())) == 60
    assert sandbox.stats()["rate_limited"] == 0


@pytest.mark.slow
def test_webhooks_of_one_channel_share_its_window(application: Application, sandbox: Sandbox, worker: Process) -> None:
    sandbox.call("PUT", "limits", channel={"limit": 6, "window_seconds": 2})
    for number in range(1, 7):
        name = f"100000000000000000{number}"
        known = next(each for each in sandbox.variables.values() if f"/{name}/" in each)
        sandbox.call("PUT", f"webhooks/{name}", token=known.rsplit("/", 1)[1], channel_id="2999")
    # this client assumes 30 a minute; a channel that takes fewer says so in a 429, which is obeyed
    records = application.wait(raise_of_every_type(application, 15))
    assert {record["status"] for record in records} == {"delivered"}
    assert {record["attempts"] for record in records} == {1}, "a 429 costs no attempt"
    assert len(sandbox.titles()) == len(set(sandbox.titles())) == 90


def test_a_program_that_knows_only_the_tasks_name_raises_alerts_too(
    redis_url: str, application: Application, sandbox: Sandbox, worker: Process
) -> None:
    foreign = Celery("foreign", broker=redis_url, backend=redis_url)
    result = foreign.send_task(
        "send_notification.security",
        kwargs={"title": "from elsewhere", "message": "hello"},
        queue="notifications.security",
    )
    found = result.get(timeout=60)
    assert (found["id"], found["status"]) == (result.id, "delivered")
    assert sandbox.titles() == ["from elsewhere"]
    foreign.close()


def test_delay_takes_a_message_or_its_fields_and_each_type_has_its_task(
    run_python: RunPython, sandbox: Sandbox, worker: Process
) -> None:
    done = run_python(
        """
from notifier import NotificationMessage
from tasks import send_notification
from notifier.models import AlertType
results = [
    send_notification.delay(alert_type="error", title="by fields", message="text"),
    send_notification.delay(NotificationMessage(alert_type="error", title="by message")),
    send_notification[AlertType.ERROR].delay(title="by task"),
    send_notification["error"].apply_async(kwargs={"title": "by apply_async"}, task_id="my-own-id"),
]
print([result.get(timeout=30)["status"] for result in results], results[3].id)
"""
    )
    assert done.stdout.strip() == f"{['delivered'] * 4} my-own-id", done.stderr
    assert sorted(sandbox.titles()) == ["by apply_async", "by fields", "by message", "by task"]


REFUSED = [
    ('send_notification.delay(alert_type="error")', "title: nothing was given"),
    ('send_notification.delay(alert_type="boom", title="x")', "alert_type: "),
    ('send_notification.delay(titel="x")', "titel: not a field of a NotificationMessage; title?"),
    ('send_notification.delay(title="x", fields=[{"name": "a", "valu": "b"}])', "fields.0.valu: "),
    ('send_notification["error"].apply_async(kwargs={"title": "x"}, countdown="soon")', "countdown: expected a number"),
    (
        'send_notification["error"].apply_async(kwargs={"title": "x"}, countdown=60, expires=30)',
        "countdown: the alert ",
    ),
    ('send_notification["error"].apply_async(("x",), queue="nowhere")', "queue: "),
    ('send_notification["error"].s("x").apply_async(queue="nowhere")', "queue: "),
    ("send_notification.delay(1)", "expected a NotificationMessage, or a mapping of its fields, or a title"),
    ('send_notification["error"].delay(alert_type="critical", title="x")', "alert_type: this task sends error alerts"),
]


def test_bad_input_is_refused_at_the_caller_and_names_the_field(
    run_python: RunPython, application: Application
) -> None:
    done = run_python(
        f"""
from functools import reduce
from notifier import InvalidMessage
from tasks import send_notification
for call in {[call for call, _ in REFUSED]!r}:
    try:
        eval(call)
    except InvalidMessage as error:
        print(error)
    else:
        print("taken:", call)
"""
    )
    said = done.stdout.splitlines()
    assert [line[: len(says)] for line, (_, says) in zip(said, REFUSED, strict=True)] == [says for _, says in REFUSED]
    assert sum(application.pipeline.outbox.depth(kind) for kind in AlertType) == 0


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the overflow to reject. Must come before the application."""
    monkeypatch.setenv("DISCORD_QUEUE_OVERFLOW", "reject")


def test_a_full_outbox_says_so_at_the_caller_and_in_the_history(refused: None, application: Application) -> None:
    application.raise_alerts(*(f"n{number}" for number in range(100)))
    with pytest.raises(QueueFull):
        application.raise_alerts("one too many")
    (record,) = application.pipeline.history.query(status=Status.QUEUE_FULL)
    assert record["message"]["title"] == "one too many"
    assert application.pipeline.outbox.depth(AlertType.GENERAL) == 100


FULL = "100 general alerts are waiting already (DISCORD_QUEUE_SIZE)"


@pytest.mark.slow
def test_an_alert_that_was_refused_and_raised_again_has_one_record_and_explain_shows_both(
    refused: None, application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    ids = application.raise_alerts(*(f"n{number}" for number in range(100)))
    message = NotificationMessage(title="stubborn")
    with pytest.raises(QueueFull):
        application.pipeline.client.submit(message)
    assert [step.what for step in application.pipeline.explain(message.id)] == [f"refused: queue full ({FULL})"]
    start_worker()
    application.wait(ids)
    application.pipeline.client.submit(message)
    assert application.result(message.id)["status"] == "delivered"
    found = application.pipeline.history.query(search="stubborn")
    assert [record["status"] for record in found] == ["delivered"]
    assert application.pipeline.history.query(status=Status.QUEUE_FULL) == []
    assert any(step.what == "refused: queue full" for step in application.pipeline.explain(message.id))


@pytest.mark.slow
def test_a_worker_of_one_queue_leaves_the_others_alone(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    application.raise_alerts("for nobody")
    start_worker("-Q", "notifications.critical", NOTIFIER_SWEEP_SECONDS="0.1")
    application.wait(application.raise_alerts(*(f"c{n}" for n in range(30)), alert_type=AlertType.CRITICAL))
    assert application.pipeline.redis.llen("notifications.general") == 1, "the dispatch of the alert itself"


@pytest.mark.slow
def test_a_pause_of_redis_between_answer_and_commit_doubles_nothing(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    start_worker(NOTIFIER_PUBLISH_TIMEOUT_SECONDS="0.5")
    application.wait(application.raise_alerts("warm"))
    sandbox.fault(webhook_id="1000000000000000001", method="POST", kind="delay", when="after", seconds=1, times=1)
    ids = application.raise_alerts("blip")
    until(lambda: sandbox.stored == 2, "the request")  # its answer comes a second later
    application.pipeline.redis.client_pause(2_500)
    records = wait_patiently(application, ids)
    assert [(record["status"], record["attempts"]) for record in records] == [("delivered", 1)]
    assert sandbox.titles() == ["warm", "blip"]


def wait_patiently(application: Application, ids: list[str]) -> list[Record]:
    """As ``wait``, while Redis may not answer."""
    while True:
        try:
            return application.wait(ids)
        except BrokerUnavailable:
            continue


def test_the_same_id_is_posted_once(application: Application, sandbox: Sandbox, worker: Process) -> None:
    message = NotificationMessage(id="deploy-42", title="only once")
    for _ in range(3):
        application.pipeline.client.submit(message)
    application.wait(["deploy-42"])
    application.pipeline.client.submit(message)
    application.wait(application.raise_alerts("after"))
    assert sandbox.titles() == ["only once", "after"]


def test_alerts_that_waited_for_a_worker_go_when_one_comes(
    application: Application, sandbox: Sandbox, worker: Process, redis_url: str
) -> None:
    ids = application.raise_alerts("early")
    application.pipeline.redis.delete("notifications.general")  # and its dispatch is lost
    assert [record["status"] for record in application.wait(ids)] == ["delivered"]


@pytest.mark.slow
def test_without_a_webhook_an_alert_is_a_dead_letter_and_goes_out_when_replayed_with_one(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    poor = start_worker(DISCORD_WEBHOOK_SECURITY="", DISCORD_FALLBACK="security")
    assert "DISCORD_WEBHOOK_SECURITY is not set" in poor.output()
    assert "DISCORD_FALLBACK: security has no webhook" in poor.output()
    (notification_id,) = application.raise_alerts("for later", alert_type=AlertType.SECURITY)
    with pytest.raises(NotDelivered, match=r"^rejected: webhook_not_configured") as raised:
        application.result(notification_id)
    assert (raised.value.reason, raised.value.record["status"]) == ("webhook_not_configured", "rejected")
    poor.stop()
    assert sandbox.titles() == []
    start_worker()
    (dead,) = application.pipeline.dead_letters.list()
    replayed = application.pipeline.dead_letters.replay(dead["id"])
    assert [record["status"] for record in application.wait([replayed])] == ["delivered"]
    assert sandbox.titles() == ["for later"]
    assert application.pipeline.dead_letters.list() == []


def test_long_text_arrives_whole_as_an_attached_file(
    application: Application, sandbox: Sandbox, worker: Process
) -> None:
    traceback = "\n".join(f"line {number} of a traceback" for number in range(2_000))
    application.wait(application.raise_alerts("before") + application.raise_alerts("long", message=traceback))
    (message,) = [each for each in sandbox.messages() if each["embeds"][0]["title"] == "long"]
    (attachment,) = message["attachments"]
    assert "whole alert is in" in message["embeds"][0]["description"]
    import requests

    content = requests.get(f"{sandbox.address}/sandbox/attachments/{message['id']}/0", timeout=10).content
    assert traceback in content.decode()
    assert attachment["size"] == len(content)


def test_text_from_outside_never_pings_and_a_named_role_is_pinged_in_content(
    application: Application, sandbox: Sandbox, worker: Process
) -> None:
    application.wait(application.raise_alerts("@everyone", message="<@&5> @here <@6>"))
    application.wait(application.raise_alerts("wanted", mentions=["<@&777>"]))
    outside, wanted = sandbox.messages()
    assert outside["content"] == ""
    assert (outside["mention_everyone"], outside["mentions"], outside["mention_roles"]) == (False, [], [])
    assert wanted["content"] == "<@&777>"
    assert wanted["mention_roles"] == ["777"]


History = Callable[..., list[dict[str, Any]]]


def test_the_history_finds_by_type_status_time_and_text(
    application: Application, sandbox: Sandbox, worker: Process
) -> None:
    from datetime import datetime, timedelta

    records = application.wait(
        application.raise_alerts("Database timeout", alert_type=AlertType.ERROR, fields={"Host": "db-one"})
        + application.raise_alerts("All well")
        + application.raise_alerts("Login", alert_type=AlertType.SECURITY)
    )
    application.result(records[2]["id"])
    query = application.pipeline.history.query

    def titles(**what: Any) -> list[str]:
        return [each["message"]["title"] for each in query(**what)]

    assert sorted(titles()) == ["All well", "Database timeout", "Login"]
    assert titles(alert_type=AlertType.SECURITY) == ["Login"]
    assert titles(search="DB-One") == ["Database timeout"]
    assert titles(status=Status.FAILED) == []
    last = max(datetime.fromisoformat(each["finished_at"]) for each in records)
    assert len(titles(since=last)) == 1
    assert len(titles(until=last - timedelta(microseconds=1))) == 2
    assert titles(since=last + timedelta(seconds=1)) == []
    assert len(titles(limit=2)) == 2
    assert application.pipeline.history.get(records[0]["id"]) == records[0]
