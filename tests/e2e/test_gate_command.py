"""``notifier gate`` shows what holds alerts back, and resets it."""

import json

import pytest

from notifier.models import AlertType
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, Notifier, RunPython
from tests.servers import until

pytestmark = pytest.mark.slow

GENERAL, ERROR, SECURITY = "1000000000000000001", "1000000000000000002", "1000000000000000006"
HEALTH_CHECK = """
import asyncio
from services.notification_service import DiscordNotificationService
print(asyncio.run(DiscordNotificationService().health_check()))
"""
FAILING = {"DISCORD_BREAKER_FAILURES": "1", "DISCORD_BREAKER_OPEN_SECONDS": "600"}


def test_quarantine_breaker_and_ban_are_shown_and_a_reset_lets_alerts_go_at_once(
    notifier: Notifier, application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    start_worker(**FAILING)
    sandbox.fault(webhook_id=SECURITY, method="POST", kind="status", status=401, body={"code": 50027}, times=1)
    sandbox.fault(webhook_id=GENERAL, method="POST", kind="status", status=503, times=1)
    quarantined = application.raise_alerts("refused", alert_type=AlertType.SECURITY)
    held = application.raise_alerts("held back")
    application.wait(quarantined)
    until(lambda: application.pipeline.redis.hget(f"notifier:gate:webhook:{GENERAL}:state", "breaker"), "the breaker")
    sandbox.fault(webhook_id=ERROR, method="POST", kind="edge_ban", times=1)
    banned = application.raise_alerts("banned", alert_type=AlertType.ERROR)
    until(application.pipeline.gate.banned, "the ban")

    shown = json.loads(notifier("gate", "list", "--json").stdout)
    gates = {each["alert_type"]: each for each in shown["gates"]}
    assert gates["security"]["quarantined"] == "webhook_token_invalid"
    assert (gates["general"]["breaker"], gates["general"]["waiting"]) == ("open", 1)
    assert (gates["critical"]["breaker"], gates["critical"]["quarantined"]) == ("closed", None)
    assert shown["banned_seconds"] > 0
    assert "banned at Discord's edge" in notifier("gate", "list").stdout

    assert notifier("gate", "reset", "edge", "general", "security").stdout == "reset: edge, general, security\n"
    records = application.wait([*held, *banned, *application.raise_alerts("again", alert_type=AlertType.SECURITY)])
    assert {record["status"] for record in records} == {"delivered"}


def test_one_answer_that_lies_is_shown_wherever_one_looks_and_a_reset_ends_it(
    notifier: Notifier, application: Application, sandbox: Sandbox, start_worker: StartWorker, run_python: RunPython
) -> None:
    start_worker()
    lie = {"message": "You are being rate limited.", "retry_after": 1e9, "global": True}
    sandbox.fault(method="POST", kind="status", status=429, body=lie, times=1)
    first = application.raise_alerts("told to wait for 30 years")
    until(lambda: application.pipeline.redis.hexists("notifier:gate:edge", "pause_until"), "the pause")
    later = application.raise_alerts("of another type", alert_type=AlertType.ERROR)

    gates = json.loads(notifier("gate", "list", "--json").stdout)["gates"]
    for gate in gates:
        (pause,) = gate["pauses"]
        assert (pause["scope"], pause["reason"]) == ("global", "global_rate_limited")
        assert pause["probe_seconds"] <= 60 < pause["seconds"] <= 3600, "what is believed, and what is done"
    assert "global_rate_limited for 3" in notifier("gate", "list").stdout
    checked = notifier("check", "--json")
    assert checked.returncode == 1
    found = json.loads(checked.stdout)
    problems = {each["alert_type"]: each["problem"] for each in found["webhooks"]}
    assert problems.pop("general") in (None, "global_rate_limited"), "it answered a moment ago"
    assert (found["healthy"], set(problems.values())) == (False, {"global_rate_limited"})
    assert [len(each["pauses"]) for each in found["webhooks"]] == [1] * len(AlertType)
    assert run_python(HEALTH_CHECK).stdout == "False\n"

    notifier("gate", "reset", "edge")
    assert {record["status"] for record in application.wait(first + later)} == {"delivered"}
    assert {len(each["pauses"]) for each in json.loads(notifier("gate", "list", "--json").stdout)["gates"]} == {0}


def test_a_gate_is_reset_by_name_if_its_webhook_is_known(notifier: Notifier) -> None:
    unknown = notifier("gate", "reset", "nobody")
    assert (unknown.returncode, "'nobody' is not one of" in unknown.stderr) == (2, True)
    elsewhere = notifier("gate", "reset", "error", DISCORD_WEBHOOK_ERRORS="")
    assert (elsewhere.returncode, "DISCORD_WEBHOOK_ERRORS is not set here" in elsewhere.stderr) == (1, True)
