"""A worker that is configured wrongly costs no alert while another can deliver, and what nobody can deliver waits."""

import json
import os
import signal
from collections import Counter

import pytest

from notifier.models import AlertType
from notifier.outbox.fleet import Holding, read_fleet
from notifier.routing import ROUTES
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, Notifier, notifier
from tests.faults.conftest import GENERAL, QUICK, WEBHOOKS, burst, titles_of
from tests.names import names
from tests.servers import until

__all__ = ["notifier"]

VARIABLE = "DISCORD_WEBHOOK_GENERAL"
NONE = ""
OLD_TOKEN = f"webhooks/{GENERAL}/fake-token-old"
DELETED = "webhooks/1000000000000000099/fake-token-deleted"
PATIENT = {**QUICK, "DISCORD_UNDELIVERABLE_SECONDS": "300"}
POOR = {VARIABLE: NONE}
pytestmark = pytest.mark.slow


def webhook(sandbox: Sandbox, wrong: str) -> str:
    """The variable of a worker with that mistake."""
    return f"{sandbox.address}/api/{wrong}" if wrong else ""


def refused_by_discord(sandbox: Sandbox) -> Counter[int]:
    """How many requests, GET and POST, met a 401 or a 404."""
    statuses = [each["status"] for each in sandbox.call("GET", "requests")]
    return Counter(status for status in statuses if status in (401, 404))


def story(application: Application, notification_id: str) -> list[str]:
    """What ``explain`` tells."""
    return [step.what for step in application.pipeline.explain(notification_id)]


@pytest.mark.parametrize(("wrong", "refused"), [(NONE, 0), (OLD_TOKEN, 1), (DELETED, 1)], ids=["none", "old", "gone"])
@pytest.mark.parametrize("first", ["wrong", "right"])
def test_one_worker_with_a_wrong_webhook_costs_no_alert(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, wrong: str, refused: int, first: str
) -> None:
    settings = [{VARIABLE: webhook(sandbox, wrong)}, {}]
    for each in settings if first == "wrong" else settings[::-1]:
        start_worker(**PATIENT, **each)
    ids = application.raise_alerts(*(f"alert {number}" for number in range(100)))
    statuses = Counter(record["status"] for record in application.wait(ids))
    assert statuses == {"delivered": 100}
    assert set(titles_of(sandbox).values()) == {1}
    assert refused_by_discord(sandbox).total() <= refused


def test_a_refused_url_of_all_types_is_refused_once(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    start_worker(**PATIENT)
    application.wait(application.raise_alerts("so that the webhook is known"))
    variables = [route.webhook_variables[0] for route in ROUTES.values()]
    start_worker(**PATIENT, **dict.fromkeys(variables, webhook(sandbox, OLD_TOKEN)))
    ids = list(burst(application, 60))
    assert {record["status"] for record in application.wait(ids)} == {"delivered"}
    assert refused_by_discord(sandbox) == {401: 1}


def test_one_good_worker_among_many_that_are_not_gets_each_alert_in_turn(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    for _ in range(3):
        start_worker(**PATIENT, **POOR)
    start_worker("--pool", "processes", "--concurrency", "2", **PATIENT)
    for number in range(10):
        (record,) = application.wait(application.raise_alerts(f"alert {number}"))
        assert record["status"] == "delivered"


def test_what_nobody_can_deliver_waits_and_is_told_and_goes_when_a_worker_can(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    poor = start_worker(**PATIENT, **POOR, NOTIFIER_WATCH_SECONDS="900")
    good = start_worker(**PATIENT)
    application.wait(application.raise_alerts("while it lived"))
    good.kill()
    ids = application.raise_alerts(*(f"alert {number}" for number in range(25)))
    until(lambda: "No worker can deliver `general`" in sandbox.titles(), "self-monitoring")
    assert "No worker can deliver general (webhook_not_configured)" in poor.output()
    assert story(application, ids[0])[-1].endswith(": webhook not configured")
    assert not any(application.pipeline.records.read(ids))
    start_worker(**PATIENT)
    assert {record["status"] for record in application.wait(ids)} == {"delivered"}
    assert poor.output().count("No worker can deliver general") == 1


@pytest.mark.parametrize(("wrong", "reason"), [(NONE, "webhook_not_configured"), (OLD_TOKEN, "webhook_quarantined")])
def test_with_no_webhook_anywhere_alerts_end_as_dead_letters_after_their_time(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, wrong: str, reason: str
) -> None:
    start_worker(**QUICK, **{VARIABLE: webhook(sandbox, wrong)}, DISCORD_UNDELIVERABLE_SECONDS="3")
    ids = application.raise_alerts(*(f"alert {number}" for number in range(25)))
    words = reason.replace("_", " ")
    until(lambda: story(application, ids[0])[-1].endswith(f": {words}"), "a look at it")
    records = application.wait(ids)
    assert {(record["status"], record["reason"]) for record in records} == {("rejected", reason)}
    assert {each["id"] for each in application.pipeline.dead_letters.list()} == set(ids)
    assert any(step.startswith(f"held back: {words}") for step in story(application, ids[0]))
    assert refused_by_discord(sandbox).total() == (1 if wrong else 0)


def test_check_shows_who_holds_what_if_workers_hold_different_webhooks(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, notifier: Notifier
) -> None:
    start_worker("-Q", "notifications.general,notifications.error", **PATIENT)
    until(lambda: len(read_fleet(application.pipeline.redis, names)) == 2, "what it serves")
    agreed = notifier("check", "--json")
    unserved = [each for each in AlertType if each not in ("general", "error")]
    assert (agreed.returncode, json.loads(agreed.stdout)["unserved"]) == (1, unserved)
    assert f"No worker delivers alerts of {', '.join(unserved)}; they wait" in notifier("check").stdout
    assert json.loads(agreed.stdout)["disagreements"] == []
    poor = start_worker("-Q", "notifications.general", **PATIENT, **POOR)
    start_worker("-Q", "notifications.general", **PATIENT, **{VARIABLE: webhook(sandbox, OLD_TOKEN)})
    until(lambda: len(read_fleet(application.pipeline.redis, names)) == 4, "what they serve")
    application.wait(application.raise_alerts("so that Discord refuses the old one"))
    report = json.loads(notifier("check", "--json").stdout)
    assert report["disagreements"] == ["general"]
    assert (report["valid"], report["healthy"]) == (True, True), "alerts are delivered all the same"
    told = [(each["alert_type"], each["worker"].split("@")[0], each["problem"]) for each in report["workers"]]
    assert told == [
        ("general", "worker1", None),
        ("general", "worker2", "webhook_not_configured"),
        ("general", "worker3", "webhook_quarantined"),
        ("error", "worker1", None),
    ]
    shown = notifier("check")
    assert shown.returncode == 1
    rows = [line.split() for line in shown.stdout.splitlines() if "webhook_not_configured" in line]
    assert any("worker2@" in " ".join(row) for row in rows)
    poor.stop()
    until(lambda: len(read_fleet(application.pipeline.redis, names)) == 3, "the rest")


def test_a_worker_holds_what_it_is_configured_with_for_the_queues_that_it_consumes(
    application: Application, start_worker: StartWorker
) -> None:
    redis = application.pipeline.redis
    start_worker("-Q", "notifications.critical,notifications.general", **PATIENT, **POOR)
    until(lambda: len(read_fleet(redis, names)) == 2, "what it serves")
    general, critical = read_fleet(redis, names)
    assert general == Holding(AlertType.GENERAL, general.worker, "", "")
    assert critical.webhook_id == WEBHOOKS[AlertType.CRITICAL]
    control = application.app.control
    control.cancel_consumer("notifications.critical", reply=True)
    until(lambda: [each.alert_type for each in read_fleet(redis, names)] == [AlertType.GENERAL], "its end")
    control.add_consumer("notifications.critical", reply=True)
    until(lambda: len(read_fleet(redis, names)) == 2, "its return")


def test_a_worker_that_ends_leaves_its_types_to_others_before_its_last_request_is_answered(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    leaving = start_worker(**{**PATIENT, "DISCORD_TIMEOUT_SECONDS": "10"})
    sandbox.fault(webhook_id=GENERAL, method="POST", kind="delay", when="after", seconds=8, times=1)
    last = application.raise_alerts("its last")
    until(lambda: "its last" in sandbox.titles(), "the request")
    os.kill(leaving.pid, signal.SIGTERM)
    until(lambda: read_fleet(application.pipeline.redis, names) == [], "its withdrawal")
    assert leaving.running
    assert application.pipeline.redis.keys(names.worker("*")) != [], "it is alive all the while"
    assert [record["status"] for record in application.wait(last)] == ["delivered"]
