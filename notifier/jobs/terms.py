"""How often a job is to be started."""

from dataclasses import dataclass
from typing import Literal, Self

from notifier.duration import DAYS_MAX, seconds_of
from notifier.errors import InvalidMessage
from notifier.escaping import braceless

EXPECT_SECONDS_MAX = DAYS_MAX * 86_400
GRACE_SHARE = 10
GRACE_SECONDS_MAX = 3_600
"""Ours: the grace that a job has if none is given: a tenth of ``expect``, and no more than this."""

What = Literal["job", "queue"]


@dataclass(frozen=True, slots=True)
class JobTerms:
    """``expect_seconds``: after so long it is to be started again; None: whenever. ``alert_type``: '' if none.

    ``what`` is started: a job, or a heartbeat by which a queue shows that it is read.
    """

    expect_seconds: float | None = None
    grace_seconds: float = 0
    alert_type: str = ""
    what: What = "job"

    @classmethod
    def of(cls, expect: object = None, grace: object = None, alert_type: str | None = None) -> Self:
        """Of what a caller gives.

        Raises:
            InvalidMessage: no duration, or one that is too long; names it.
        """
        if expect is None:
            if grace is not None:
                raise InvalidMessage("grace: a job that is not expected is never late")
            return cls(alert_type=alert_type or "")
        seconds = seconds_of("expect", expect)
        if not seconds:
            raise InvalidMessage("expect: more than no time")
        late = min(seconds / GRACE_SHARE, GRACE_SECONDS_MAX) if grace is None else seconds_of("grace", grace)
        return cls(seconds, late, alert_type or "")


def incident_key(name: str, of: str) -> str:
    """The ``dedup_key`` of what is said of a job. ``of``: one run of it, or what else."""
    return f"job/{braceless(name)}/{of}"
