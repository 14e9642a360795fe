"""The register of jobs in Redis: when each was started, how it ended, when it is to be started again."""

from dataclasses import dataclass
from typing import Any, cast

import redis

from notifier.gate.gate import microseconds
from notifier.jobs.terms import EXPECT_SECONDS_MAX, JobTerms, What
from notifier.settings import Settings
from notifier.storage.connection import MICROSECONDS, broker_errors, clock
from notifier.storage.keys import Keys
from notifier.storage.scripts import atomic_step, script

KEPT_SECONDS = 30 * 86_400
"""Ours: how long a job is known after its last start, or after it should have been started again."""
LIFE_OF_ALL_SECONDS = 2 * EXPECT_SECONDS_MAX + KEPT_SECONDS
LEASE_SECONDS = 60.0
"""Ours: how long a worker has to raise the alert of a job that is overdue, before another does."""
EXPECTED = "expected"
"""Stands for the run of a job that was never started, and for its outcome."""
PAGE = 20
"""Ours: jobs that one sweep tells of."""


@dataclass(frozen=True, slots=True)
class KnownJob:
    """What is known of a job. Times are microseconds since 1970 by Redis' clock, None if there is none.

    ``outcome``: ``running`` (or it was killed), ``finished``, ``failed``, or ``expected``: it was never started, and
    ``started_at`` is since when it is expected. ``due_at``: it is overdue from then on; ``is_told``: an alert says so.
    """

    name: str
    started_at: int
    ended_at: int | None
    outcome: str
    exit_code: int | None
    expect_seconds: float | None
    due_at: int | None
    is_overdue: bool
    is_told: bool
    alert_type: str
    what: What = "job"


class JobRegister:
    """Jobs by name.

    Raises (every method):
        BrokerUnavailable: Redis did not answer.
    """

    def __init__(self, client: "redis.Redis", settings: Settings) -> None:
        self._redis = client
        self._keys = Keys(settings.key_prefix)
        self._started, self._ended, self._take_overdue, self._told = (
            atomic_step(client, script("gate/clock.lua", f"jobs/{name}.lua"))
            for name in ("started", "ended", "take_overdue", "told")
        )

    def started(self, name: str, run: str, terms: JobTerms) -> None:
        """A run of a job has been started. ``run``: its id."""
        self._begin(name, run, terms)

    def expected(self, name: str, terms: JobTerms) -> None:
        """A job is expected from now on; nothing if it is known."""
        self._begin(name, EXPECTED, terms)

    def _begin(self, name: str, run: str, terms: JobTerms) -> None:
        expect = "" if terms.expect_seconds is None else microseconds(terms.expect_seconds)
        life = round(KEPT_SECONDS + (terms.expect_seconds or 0) + terms.grace_seconds)
        with broker_errors():
            self._started(
                keys=[self._keys.job(name), self._keys.jobs, self._keys.jobs_due],
                args=[
                    *(name, run, expect, microseconds(terms.grace_seconds), terms.alert_type),
                    *(life, LIFE_OF_ALL_SECONDS, terms.what, int(run == EXPECTED)),
                ],
            )

    def ended(self, name: str, run: str, outcome: str, exit_code: int | None = None) -> None:
        """That run has ended: ``finished`` or ``failed``."""
        with broker_errors():
            known = cast("list[str | None]", self._redis.hmget(self._keys.job(name), ["expect", "grace"]))
            late = sum(float(each or 0) for each in known) / MICROSECONDS
            code = "" if exit_code is None else exit_code
            self._ended(keys=[self._keys.job(name)], args=[run, outcome, code, round(KEPT_SECONDS + late)])

    def take_overdue(self) -> dict[str, int]:
        """Lease jobs that were not started in time, for the caller to tell: when each was due, by name."""
        with broker_errors():
            flat = self._take_overdue(
                keys=[self._keys.jobs_due], args=[self._keys.job(""), microseconds(LEASE_SECONDS), PAGE]
            )
        return dict(zip(flat[::2], map(int, flat[1::2]), strict=True))

    def told(self, name: str, due_at: int) -> bool:
        """An alert says that this job is overdue. Whether it still is: it may have been started meanwhile."""
        with broker_errors():
            return bool(self._told(keys=[self._keys.job(name), self._keys.jobs_due], args=[name, due_at]))

    def get(self, name: str) -> KnownJob | None:
        """What is known of one; None: nothing."""
        with broker_errors():
            fields = cast("dict[str, str]", self._redis.hgetall(self._keys.job(name)))
            return _known(fields, clock(self._redis)) if fields else None

    def list(self) -> list[KnownJob]:
        """All that are known, by name."""
        with broker_errors():
            names = cast("list[str]", self._redis.zrange(self._keys.jobs, 0, -1))
            pipeline: Any = self._redis.pipeline(transaction=False)
            for name in names:
                pipeline.hgetall(self._keys.job(name))
            found, now = pipeline.execute(), clock(self._redis)
        return sorted((_known(fields, now) for fields in found if fields), key=lambda each: each.name)

    def forget(self, name: str) -> bool:
        """It is there no more: nobody expects it. Whether it was known."""
        with broker_errors():
            pipeline = self._redis.pipeline()
            pipeline.delete(self._keys.job(name))
            pipeline.zrem(self._keys.jobs, name)
            pipeline.zrem(self._keys.jobs_due, name)
            return bool(pipeline.execute()[0])


def _known(fields: dict[str, str], now: int) -> KnownJob:
    ended = fields.get("ended") == fields["run"]
    due_at = int(fields["due_at"]) if fields.get("due_at") else None
    return KnownJob(
        name=fields["name"],
        started_at=int(float(fields["started_at"])),
        ended_at=int(fields["ended_at"]) if fields.get("ended_at") else None,
        outcome=fields["outcome"] if ended else "running",
        exit_code=int(fields["exit_code"]) if ended and fields.get("exit_code") else None,
        expect_seconds=int(fields["expect"]) / MICROSECONDS if fields.get("expect") else None,
        due_at=due_at,
        is_overdue=due_at is not None and due_at <= now,
        is_told="told_at" in fields,
        alert_type=fields.get("type", ""),
        what="queue" if fields.get("what") == "queue" else "job",
    )
