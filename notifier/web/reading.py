"""What the page shows: each address answers with the JSON that the command line prints of the same thing."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from notifier.errors import NotifierError
from notifier.models import AlertType
from notifier.operations.alert import alert_as_json
from notifier.operations.dead_letters import Selection
from notifier.operations.gates import gates_as_json
from notifier.operations.incidents import incidents
from notifier.operations.jobs import job_as_json
from notifier.operations.overview import overview
from notifier.operations.silences import silence_as_json
from notifier.operations.statistics import statistics_of_the_day
from notifier.operations.waiting import waiting_alerts
from notifier.outcome import NEVER_STORED, UNDELIVERED, Reason, Status
from notifier.storage.retention import Findings
from notifier.web.answering import Answering, Shared
from notifier.web.query import Query

if TYPE_CHECKING:
    from notifier.pipeline import Pipeline

SHOWN, SHOWN_MAX = 50, 500
"""Ours: how many are listed, unless more are asked for."""
OVERVIEW_SECONDS, STATISTICS_SECONDS, FINDINGS_SECONDS = 1, 10, 30
"""Ours: for so long an answer serves all who ask."""

Read = Callable[["Pipeline", Query], Any]


def waiting(pipeline: "Pipeline", query: Query) -> Any:
    """As ``notifier waiting``."""
    kind, limit = query.alert_type(), query.limit(SHOWN, SHOWN_MAX)
    found = waiting_alerts(pipeline.redis, pipeline.keys, [kind] if kind else list(AlertType), shown_max=limit)
    return [asdict(each) for each in found]


def history(pipeline: "Pipeline", query: Query) -> Any:
    """As ``notifier history``, in pages."""
    status = query.choice("status", [each.value for each in Status if each not in NEVER_STORED])
    page = pipeline.history.page(
        alert_type=query.alert_type(),
        status=UNDELIVERED if status == Status.FAILED else Status(status) if status else None,
        since=query.moment("since"),
        until=query.moment("until"),
        search=query.text("text"),
        limit=query.limit(SHOWN, SHOWN_MAX),
        cursor=query.text("cursor"),
    )
    return asdict(page)


def dead(pipeline: "Pipeline", query: Query) -> Any:
    """As ``notifier dead list``, with the number of all that match."""
    limit = query.limit(SHOWN, SHOWN_MAX)
    letters, selection = pipeline.dead_letters, selection_of(query)
    return {"count": letters.count(selection), "records": letters.list(selection, limit)}


def selection_of(query: Query) -> Selection:
    """Which dead letters."""
    reason = query.choice("reason", [each.value for each in Reason])
    return Selection(query.alert_type(), reason, query.moment("since"), query.moment("until"))


def incidents_of(pipeline: "Pipeline", query: Query) -> Any:
    """As ``notifier incidents``."""
    kind, only_open, limit = query.alert_type(), query.flag("open"), query.limit(SHOWN_MAX, SHOWN_MAX)
    kinds = [kind] if kind else list(AlertType)
    return [asdict(each) for each in incidents(pipeline.redis, pipeline.keys, kinds, only_open=only_open)[:limit]]


def silences(pipeline: "Pipeline") -> Any:
    """As ``notifier silence list``."""
    return [silence_as_json(*each) for each in pipeline.silences.list()]


def jobs(pipeline: "Pipeline", _: Query) -> Any:
    """As ``notifier jobs``."""
    return [job_as_json(each) for each in pipeline.jobs.list()]


def gates(pipeline: "Pipeline", _: Query) -> Any:
    """As ``notifier gate list``."""
    return gates_as_json(pipeline.gate, pipeline.outbox, pipeline.settings, pipeline.audit)


def audit(pipeline: "Pipeline", query: Query) -> Any:
    """The last actions, newest first."""
    return [asdict(each) for each in pipeline.audit.list(query.limit(SHOWN, SHOWN_MAX))]


READS: Mapping[str, Read] = {
    "waiting": waiting,
    "history": history,
    "dead": dead,
    "incidents": incidents_of,
    "jobs": jobs,
    "gates": gates,
    "audit": audit,
}
"""What is read, by address below ``/api/``."""


class Kept:
    """An answer that serves all who ask for a while, also that Redis is away; one of them at a time asks it."""

    def __init__(self, seconds: float, read: Callable[[], Any], clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._read, self._clock = seconds, read, clock
        self._until = -math.inf
        self._value: Any = None
        self._error: NotifierError | None = None
        self._lock = asyncio.Lock()

    async def get(self, shared: Shared) -> Any:
        """The answer. Raises: as what reads it."""
        async with self._lock:
            if self._clock() >= self._until:
                try:
                    self._value, self._error = await shared.run(self._read), None
                except NotifierError as error:  # else each who waits would wait for Redis again
                    self._error = error
                self._until = self._clock() + self._seconds
            if self._error is not None:
                raise self._error
            return self._value


class Reading(Answering):
    """``GET /api/NAME``."""

    async def get(self, name: str) -> None:
        """What is read now."""
        read = READS[name]

        def work() -> Any:
            query = Query(self.request.query_arguments)
            found = read(self.shared.pipeline, query)
            query.end()
            return found

        self.answer(await self.shared.run(work))


class OneAlert(Answering):
    """``GET /api/alerts/ID``."""

    async def get(self, notification_id: str) -> None:
        """Its life, and how it looks."""
        pipeline = self.shared.pipeline
        parts = pipeline.redis, pipeline.keys, pipeline.records, pipeline.settings
        self.answer(await self.shared.run(lambda: alert_as_json(*parts, notification_id)))


class Overviews:
    """The two answers that browsers ask for again and again."""

    def __init__(self, shared: Shared) -> None:
        pipeline = shared.pipeline
        self._findings = Kept(FINDINGS_SECONDS, pipeline.inspect_redis)
        self._told = Findings()
        self._shared = shared
        self.overview = Kept(OVERVIEW_SECONDS, self._overview)
        self.statistics = Kept(STATISTICS_SECONDS, lambda: statistics_of_the_day(pipeline.redis, pipeline.keys))

    def _overview(self) -> dict[str, Any]:
        pipeline = self._shared.pipeline
        parts = pipeline.redis, pipeline.keys, pipeline.gate, pipeline.settings, pipeline.spool
        return overview(*parts, self._told) | {
            "silences": len(pipeline.silences.list()),
            "jobs_overdue": [each.name for each in pipeline.jobs.list() if each.is_overdue],
        }

    async def get_overview(self) -> dict[str, Any]:
        """The overview, and what the server itself is."""
        self._told = await self._findings.get(self._shared)
        found: dict[str, Any] = await self.overview.get(self._shared)
        login = self._shared.login
        return found | {"read_only": self._shared.read_only, "login": login.needed, "user": login.user}


class Overview(Answering):
    """``GET /api/overview``. It has an ETag: who asks with ``If-None-Match`` gets 304 until something changes."""

    def initialize(self, shared: Shared, overviews: Overviews | None = None) -> None:
        """Before anything of the request is looked at."""
        super().initialize(shared)
        assert overviews is not None  # noqa: S101 - Tornado calls it by name
        self.overviews = overviews

    async def get(self) -> None:
        """Everything at a glance."""
        self.answer(await self.overviews.get_overview())


class Statistics(Overview):
    """``GET /api/statistics``: the last day."""

    async def get(self) -> None:
        """Its counts."""
        self.answer(await self.overviews.statistics.get(self.shared))
