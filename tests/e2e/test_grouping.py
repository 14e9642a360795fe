"""Alerts of a type that are collected arrive as one message, and each has its own end."""

from datetime import datetime

import pytest
from celery import Celery

from notifier.cli.processes import Process
from notifier.models import AlertType
from tests.conftest import Sandbox
from tests.e2e.conftest import Application

TRACKLIST = AlertType.TRACKLIST


def test_what_is_collected_is_one_message_and_each_alert_has_its_own_result(
    app: Celery, sandbox: Sandbox, worker: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_GROUP_SECONDS_TRACKLIST", "3600")
    monkeypatch.setenv("DISCORD_QUEUE_SIZE", "14")  # the eleventh ends the group
    application = Application(app)
    ids = application.raise_alerts(*["ready"] * 10, "failed", alert_type=TRACKLIST, message="All tracks are there.")
    (first, *_) = records = application.wait(ids)
    (message,) = sandbox.messages()
    assert {record["message_id"] for record in records} == {message["id"]}
    assert message["content"].endswith(": 10 × ready, 1 × failed")
    assert message["embeds"][0]["description"].startswith("**10 × ready**\nAll tracks are there.")
    (file,) = message["attachments"]
    admitted = [datetime.fromisoformat(record["admitted_at"]) for record in records]
    took = max(1, round((max(admitted) - min(admitted)).total_seconds()))  # this machine may be busy
    assert file["filename"].startswith(f"11-alerts-in-{took}-s-")
    assert application.result(ids[0])["message_id"] == first["message_id"]
    assert application.pipeline.outbox.depth(TRACKLIST) == 0
    application.pipeline.redis.close()
