"""The jobs that are known, for programs."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from notifier.jobs.register import KnownJob
from notifier.storage.connection import MICROSECONDS

TIMES = ("started_at", "ended_at", "due_at")


def job_as_json(job: KnownJob) -> dict[str, Any]:
    """A job; its times are ISO 8601 in UTC."""
    times = {name: moment(getattr(job, name)) for name in TIMES}
    return asdict(job) | {name: time and time.isoformat(timespec="microseconds") for name, time in times.items()}


def moment(microseconds: int | None) -> datetime | None:
    """A time of the register."""
    return None if microseconds is None else datetime.fromtimestamp(microseconds / MICROSECONDS, UTC)
