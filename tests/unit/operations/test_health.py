"""What a check calls a problem, and what a warning."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from notifier.gate.machines import MachineFault
from notifier.models import AlertType
from notifier.operations.checks import CheckReport, WebhookCheck, WorkerCheck
from notifier.operations.health import Health, Seen
from notifier.operations.outboxes import OutboxState
from notifier.operations.redis_server import RedisServer
from notifier.operations.spool_state import SpoolState, spool_state
from notifier.outbox.fleet import Holding
from notifier.producer.spool import Spool

ERRORS = WebhookCheck(AlertType.ERROR, "DISCORD_WEBHOOK_ERRORS", "1", "errors", "11", breaker="closed")
SECURITY = WebhookCheck(AlertType.SECURITY, "DISCORD_WEBHOOK_SECURITY", "2", "security", "12", breaker="closed")
WRONG = WebhookCheck(AlertType.ERROR, "DISCORD_WEBHOOK_ERRORS", problem="configuration_error")
UNSET = WebhookCheck(AlertType.GENERAL, "DISCORD_WEBHOOK_GENERAL", problem="webhook_not_configured")
FLEET = tuple(WorkerCheck(Holding(kind, "mail@host", "1", "f"), None) for kind in AlertType)
SERVER = RedisServer("localhost:6379, database 0", 0.01, "7.2.4", "master", "noeviction", appendonly=True)
WELL = Health(CheckReport(None, (ERRORS, SECURITY), fleet=FLEET), Seen(SERVER), None, {}, (), 30)
STUCK = OutboxState(AlertType.ERROR, 3, 9, "2026-01-01T12:00:00+00:00", "no worker has come for it", None,
                    "2026-01-01T12:00:00+00:00")  # fmt: skip


def of(**report: Any) -> Health:
    return replace(WELL, report=replace(WELL.report, **report))


def test_all_is_well_where_nothing_is_wrong() -> None:
    assert (WELL.problems, WELL.warnings) == ([], [])
    found = WELL.as_json()
    assert found["ok"] is True
    assert found["redis"].items() >= {"ok": True, "problem": None, "version": "7.2.4", "appendonly": True}.items()


@pytest.mark.parametrize(
    ("health", "says"),
    [
        (of(redis="Redis at localhost: Connection refused"), "Redis at localhost: Connection refused"),
        (of(webhooks=(UNSET,)), "No webhook is configured here"),
        (of(webhooks=(replace(ERRORS, problem="bad_gateway"),)), "Webhook 1 for error: bad_gateway"),
        (
            of(webhooks=(replace(ERRORS, problem="webhook_unknown"),)),
            "Webhook 1 for error: webhook_unknown: it was deleted, or never was: put the URL of one that is there into"
            " DISCORD_WEBHOOK_ERRORS",
        ),
        (of(webhooks=(replace(ERRORS, problem="webhook_token_invalid"),)), "copy it anew from Discord into DISCORD_"),
        (of(webhooks=(replace(ERRORS, problem="webhook_quarantined"),)), "if it is right, `notifier gate reset error`"),
        (of(webhooks=(replace(WRONG, wrong="DISCORD_WEBHOOK_ERRORS: expected"),)), "DISCORD_WEBHOOK_ERRORS: expected"),
        (of(webhooks=(replace(ERRORS, problem="x", wrong="x: it is away"),)), "Webhook 1 for error: x: it is away"),
        (
            of(webhooks=(replace(ERRORS, breaker="open"),)),
            "Webhook 1 for error: circuit breaker open: Discord failed several times in a row; nothing is lost",
        ),
        (of(machines=(MachineFault("host1", "proxy_failed", "refused"),)), "machine host1 cannot reach Discord"),
        (of(fleet=()), "No worker delivers alerts of any type; they wait until one is started"),
        (of(fleet=FLEET[:2]), "No worker delivers alerts of security; they wait"),
        (of(fleet=(*FLEET, WorkerCheck(Holding(AlertType.ERROR, "b@host", "9", "g"), None))), "different webhooks"),
        (
            replace(WELL, seen=Seen(SERVER, [STUCK])),
            "not move, with 3 alerts in it: nothing has come for it since 2026-01-01",
        ),
        (replace(WELL, seen=Seen(SERVER, [replace(STUCK, waiting=1)])), "with 1 alert in it"),
        (replace(WELL, spool=SpoolState("/spool", problem="NOTIFIER_SPOOL_DIR: x")), "NOTIFIER_SPOOL_DIR: x"),
        (replace(WELL, templates={"mine": "mine.toml: x"}), "Template mine.toml: x"),
    ],
)
def test_what_keeps_alerts_from_being_delivered_is_a_problem(health: Health, says: str) -> None:
    (problem,) = health.problems
    assert says in problem
    assert health.as_json()["ok"] is False


@pytest.mark.parametrize(
    ("health", "says"),
    [
        (of(redis_warnings=("appendonly is no",)), "appendonly is no"),
        (of(webhooks=(ERRORS, UNSET)), "DISCORD_WEBHOOK_GENERAL is not set"),
        (
            of(webhooks=(ERRORS, replace(SECURITY, webhook_id="1", channel_id="11"))),
            "error and security have one",
        ),
        (of(webhooks=(ERRORS, replace(SECURITY, channel_id="11"))), "security post to one channel, 11: they"),
        (
            replace(WELL, seen=Seen(replace(SERVER, clock_ahead_seconds=-7.2))),
            "clock is 7 s behind this",
        ),
        (
            replace(WELL, seen=Seen(replace(SERVER, cannot_save="aof_last_write_status: err"))),
            "cannot save to its",
        ),
        (
            replace(WELL, seen=Seen(SERVER, dead={AlertType.ERROR: 4, AlertType.GENERAL: 0})),
            "delivered: 4 of error;",
        ),
        (replace(WELL, seen=Seen(SERVER, unreadable=2)), "could not be read: 2;"),
        (replace(WELL, spool=SpoolState("/spool", 5, 4_096)), "wait on this machine's disk: 5; see"),
        (replace(WELL, settings=("NOTIFIER_X is no variable",)), "NOTIFIER_X is no variable"),
    ],
)
def test_what_somebody_should_know_is_a_warning_and_no_problem(health: Health, says: str) -> None:
    (warning,) = health.warnings
    assert says in warning
    assert health.problems == []


def test_a_spool_that_cannot_be_written_is_told_before_it_is_needed(tmp_path: Path) -> None:
    folder = tmp_path / "spool" / "deep"
    assert spool_state(Spool(folder, 10), folder) == SpoolState(str(folder)), "it is made when it is needed"
    (tmp_path / "file").write_text("")
    wrong = spool_state(Spool(tmp_path / "file" / "deep", 10), tmp_path / "file" / "deep").problem
    assert wrong == f"NOTIFIER_SPOOL_DIR: this user may not write to {tmp_path / 'file'}"
