"""Alerts of jobs that were not started when they were expected."""

import hashlib

from notifier.jobs.register import JobRegister, KnownJob
from notifier.models import AlertType, NotificationMessage, Severity
from notifier.producer.client import Client
from notifier.storage.connection import MICROSECONDS
from notifier.texts import DiscordTime


class JobWatch:
    """Raises one alert for each job that is overdue, until it is started again. Several workers may do so at once."""

    def __init__(self, register: JobRegister, client: Client) -> None:
        self._register = register
        self._client = client

    def report(self) -> None:
        """Raise what is to be raised.

        Raises:
            BrokerUnavailable: Redis did not answer. What was not raised then is raised later.
        """
        for name, due_at in self._register.take_overdue().items():
            job = self._register.get(name)
            if job is not None and job.due_at == due_at:
                self._client.submit(_message(job, due_at))
                self._register.told(name, due_at)


def _message(job: KnownJob, due_at: int) -> NotificationMessage:
    # with an id of its own: a worker that ends before it has said that it was told is followed by another
    digest = hashlib.sha256(job.name.encode()).hexdigest()[:32]
    last = {"finished": "finished", "failed": "failed", "running": "not ended"}[job.outcome]
    return NotificationMessage(
        id=f"job-overdue-{digest}-{due_at}",
        alert_type=job.alert_type or AlertType.MONITORING,
        severity=Severity.ERROR,
        title=f"⏰ {job.name} was not started",
        message="It was expected to be started again by now, and was not. You are told once, until it is.",
        fields=[
            {"name": "Expected by", "value": _time(due_at), "inline": True},
            {"name": "Last start", "value": _time(job.started_at), "inline": True},
            {"name": "Last run", "value": last, "inline": True},
        ],
        plain=["title"],
        metadata={"job": job.name},
    )


def _time(microseconds: int) -> str:
    from datetime import UTC, datetime

    return DiscordTime(datetime.fromtimestamp(microseconds / MICROSECONDS, UTC), "f").markdown
