"""What alerts say of a job that was not started in time, and that it was in the end: one incident."""

import hashlib
from datetime import UTC, datetime
from typing import Any

from notifier.given_incident import DEDUP_SECONDS_MAX
from notifier.jobs.register import KnownJob
from notifier.jobs.terms import incident_key
from notifier.models import AlertType, NotificationMessage, Severity
from notifier.storage.connection import MICROSECONDS
from notifier.texts import DiscordTime

JOB = "It was expected to be started again by now, and was not. You are told once, until it is."
QUEUE = (
    "The heartbeats that Celery's beat sends through this queue arrive no more: beat does not run, or no worker takes "
    "tasks from it. You are told once, until one does."
)


def overdue(job: KnownJob, due_at: int) -> NotificationMessage:
    """It was to be started by ``due_at`` (microseconds)."""
    # with an id of its own: a worker that ends before it has said that it was told is followed by another
    digest = hashlib.sha256(job.name.encode()).hexdigest()[:32]
    last = {"finished": "finished", "failed": "failed", "running": "not ended", "expected": "never started"}
    times = {"Expected by": due_at, "Expected since" if job.outcome == "expected" else "Last start": job.started_at}
    fields = [{"name": name, "value": _time(at), "inline": True} for name, at in times.items()]
    is_queue = job.what == "queue"
    return NotificationMessage(
        id=f"job-overdue-{digest}-{due_at}",
        severity=Severity.CRITICAL if is_queue else Severity.ERROR,
        title=f"💔 {job.name} is silent" if is_queue else f"⏰ {job.name} was not started",
        message=QUEUE if is_queue else JOB,
        fields=[*fields, *([] if is_queue else [{"name": "Last run", "value": last[job.outcome], "inline": True}])],
        metadata={"job": job.name},
        **_incident(job),
    )


def started_again(job: KnownJob) -> NotificationMessage:
    """It is started now, and an alert has told that it was not. ``job``: as it was known before."""
    is_queue = job.what == "queue"
    return NotificationMessage(
        resolved=True,
        title=f"{job.name} is alive again" if is_queue else f"{job.name} was started again",
        message=f"{'It was silent' if is_queue else 'It was not started'} since {_time(job.started_at)}.",
        **_incident(job),
    )


def _incident(job: KnownJob) -> dict[str, Any]:
    return {
        "alert_type": job.alert_type or AlertType.MONITORING,
        "dedup_key": incident_key(job.name, "overdue"),
        "dedup_seconds": DEDUP_SECONDS_MAX,
        "plain": ["title"],
    }


def _time(microseconds: int) -> str:
    return DiscordTime(datetime.fromtimestamp(microseconds / MICROSECONDS, UTC), "f").markdown
