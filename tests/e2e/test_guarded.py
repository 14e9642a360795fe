"""What an alert's text holds pings nobody and leaks nothing; whom a type pings is told to the worker alone."""

import json

import pytest
from celery import Celery

from notifier.models import AlertType
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, Notifier
from tests.no_secrets import assert_no_secrets
from tests.servers import until

LEAK = "postgres://app:fake-token-9@db/x"
WEBHOOK = "https://discord.com/api/webhooks/123456789/fake-token-of-the-text"


@pytest.mark.slow
def test_secrets_in_an_alert_are_stored_and_posted_nowhere(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, redis_url: str
) -> None:
    ids = application.raise_alerts(
        f"no {LEAK}", message=f"POST {WEBHOOK} failed", metadata={"token": ["x"], "dsn": LEAK}, fields={"DSN": LEAK}
    )
    foreign = Celery("foreign", broker=redis_url, backend=redis_url, set_as_current=False)
    unread = {"titel": LEAK, "fields": {"DSN": LEAK}}
    assert_no_secrets(redis=application.pipeline.redis)  # while it waits
    start_worker()
    (record,) = application.wait(ids)
    assert record["message"]["adjusted"] == ["masked: password in a URL, webhook URL"]
    by_name = foreign.send_task("send_notification.general", queue="notifications.general", kwargs=unread)
    (dead,) = application.wait([str(by_name.id)])
    # What the foreign program sent lies there as it sent it, until it is acknowledged: after the record is written.
    until(lambda: not application.pipeline.redis.exists("notifier:unacked"), "the task is acknowledged")
    assert json.loads(dead["given"])["kwargs"]["titel"] == "postgres://app:(masked)@db/x"
    assert_no_secrets(redis=application.pipeline.redis, texts={"posted": json.dumps(sandbox.call("GET", "messages"))})
    foreign.close()


@pytest.mark.slow
def test_a_type_pings_whom_its_setting_names_and_repeats_ping_nobody(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, notifier: Notifier
) -> None:
    pings = {
        "DISCORD_MENTION_CRITICAL": "@here,role:123,user:456",
        "DISCORD_QUIET_HOURS_ERROR": "00:00-24:00 UTC",
    }
    start_worker(**pings)
    for title in ("first @everyone", "again"):
        application.wait(application.raise_alerts(title, alert_type=AlertType.CRITICAL))
    contents = [each["content"] for each in sandbox.call("GET", "messages")]
    assert contents == ["@here <@&123> <@456>", ""]
    application.wait(application.raise_alerts("at night", alert_type=AlertType.ERROR))
    assert [each["flags"] for each in sandbox.call("GET", "messages")] == [0, 0, 1 << 12]
    checked = notifier("check", "--json", **pings)
    assert json.loads(checked.stdout)["mentions"] == {"critical": ["@here", "<@&123>", "<@456>"]}
    assert json.loads(checked.stdout)["quiet_hours"] == {"error": "without sound always"}
    told = notifier("check", **pings).stdout
    assert "critical ping @here" in told
    assert "Quiet hours: alerts of the type error are without sound always" in told
    wrong = notifier("check", DISCORD_MENTION_CRITICAL="@heree")
    assert wrong.returncode != 0
    assert "DISCORD_MENTION_CRITICAL: " in wrong.stdout + wrong.stderr
