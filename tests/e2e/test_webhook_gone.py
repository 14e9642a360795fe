"""A webhook that is gone is reported, and its alerts go to the fallback."""

import pytest

from notifier.models import AlertType
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application
from tests.names import names
from tests.servers import until

pytestmark = pytest.mark.slow

SECURITY = "1000000000000000006"
GENERAL_CHANNEL, MONITORING_CHANNEL = "2000000000000000001", "2000000000000000005"
TELLING = {"NOTIFIER_WATCH_SECONDS": "900"}


def titles_in(sandbox: Sandbox, channel_id: str) -> list[str]:
    """The titles in one channel."""
    messages = [each for each in sandbox.messages() if each["channel_id"] == channel_id]
    return [embed["title"] for message in messages for embed in message["embeds"]]


def footer_of(sandbox: Sandbox, title: str) -> str:
    """What an embed's footer says."""
    embeds = [embed for message in sandbox.messages() for embed in message["embeds"] if embed["title"] == title]
    return str(embeds[0].get("footer", {}).get("text", ""))


def test_its_alerts_go_to_the_fallback_marked_with_their_origin(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    start_worker(DISCORD_FALLBACK="general")
    sandbox.call("DELETE", f"webhooks/{SECURITY}")
    first = application.raise_alerts("met the 404", alert_type=AlertType.SECURITY, thread_id="123")
    application.wait(first)
    asked = sandbox.stats()["after_404"]
    later = application.wait(application.raise_alerts("came later", alert_type=AlertType.SECURITY))
    assert [(record["status"], record["alert_type"]) for record in later] == [("delivered", "security")]
    assert titles_in(sandbox, GENERAL_CHANNEL) == ["met the 404", "came later"]
    assert footer_of(sandbox, "came later") == "for security, whose webhook is gone or not configured"
    assert sandbox.stats()["after_404"] == asked, "the dead webhook is not asked again"
    history = application.pipeline.history.query(alert_type=AlertType.SECURITY)
    assert {record["id"] for record in history} == {*first, later[0]["id"]}
    assert application.pipeline.dead_letters.list() == []
    story = [step.what for step in application.pipeline.explain(later[0]["id"])]
    assert any(step.endswith("goes to general") for step in story)


def test_if_the_fallback_is_gone_too_they_are_dead_letters(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    start_worker(DISCORD_FALLBACK="general")
    for webhook_id in ("1000000000000000001", SECURITY):
        sandbox.call("DELETE", f"webhooks/{webhook_id}")
    ids = application.raise_alerts("a") + application.raise_alerts("b", alert_type=AlertType.SECURITY)
    assert {record["status"] for record in application.wait(ids)} == {"rejected"}
    assert {dead["id"] for dead in application.pipeline.dead_letters.list()} == set(ids)


def test_a_webhook_that_is_gone_is_reported_once(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    start_worker(**TELLING)
    sandbox.call("DELETE", f"webhooks/{SECURITY}")
    application.wait(application.raise_alerts("a", alert_type=AlertType.SECURITY))
    until(lambda: len(titles_in(sandbox, MONITORING_CHANNEL)) >= 2, "the telling")
    assert sorted(titles_in(sandbox, MONITORING_CHANNEL)) == [
        "Not delivered: 1 × `security`",
        "The webhook of `security` is gone",
    ]
    application.wait(application.raise_alerts("b", "c", alert_type=AlertType.SECURITY))
    redis, trouble = application.pipeline.redis, "dead_letters|security|webhook_quarantined"
    until(lambda: redis.hget(names.troubles, trouble) == "2", "what is kept for the next telling")
    redis.delete("notifier:watch:told:dead_letters:security")  # as a quarter of an hour does
    until(lambda: len(titles_in(sandbox, MONITORING_CHANNEL)) >= 3, "the next telling")
    assert titles_in(sandbox, MONITORING_CHANNEL)[-1] == "Not delivered: 2 × `security`"


def test_reports_go_to_general_if_monitoring_fails(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    start_worker(**TELLING)
    sandbox.call("DELETE", "webhooks/1000000000000000005")
    application.wait(application.raise_alerts("a", alert_type=AlertType.MONITORING))
    until(lambda: "The webhook of `monitoring` is gone" in titles_in(sandbox, GENERAL_CHANNEL), "the telling")


def test_an_open_breaker_and_a_ban_are_reported(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    start_worker(**TELLING, DISCORD_BREAKER_FAILURES="1", DISCORD_BREAKER_OPEN_SECONDS="1")
    sandbox.fault(webhook_id=SECURITY, method="POST", kind="status", status=503, times=1)
    application.wait(application.raise_alerts("a", alert_type=AlertType.SECURITY))
    failing = "Discord fails for the webhook of `security`"
    until(lambda: failing in titles_in(sandbox, MONITORING_CHANNEL), "the telling")
    sandbox.call("POST", "ban", seconds=600, form="text")
    application.raise_alerts("banned")
    until(lambda: application.pipeline.outbox.depth(AlertType.MONITORING), "the telling: it goes once the ban is over")
    assert application.pipeline.redis.exists("notifier:watch:told:edge_banned:")
