"""``notifier jobs``: the jobs that are known."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from notifier.cli.output import echo, json_option, moment, print_json, print_table

if TYPE_CHECKING:
    from notifier.jobs.register import KnownJob

TIMES = ("started_at", "ended_at", "due_at")


@click.command()
@json_option
def jobs(as_json: bool) -> None:
    """List jobs: when each was started last and how that ended, when it is expected, and what is overdue.

    \b
    Examples:
      notifier jobs
      notifier jobs --json
    """
    from notifier.pipeline import client_pipeline

    found = client_pipeline().jobs.list()
    if as_json:
        print_json([_as_json(each) for each in found])
        return
    rows = [
        (
            each.name,
            *(
                moment(_moment(time))
                for time in (None if each.outcome == "expected" else each.started_at, each.ended_at)
            ),
            each.outcome + (f" ({each.exit_code})" if each.exit_code else ""),
            moment(_moment(each.due_at)),
            "yes" if each.is_overdue else "",
        )
        for each in found
    ]
    if rows:
        columns = ["name", "last start (UTC)", "last end (UTC)", "outcome", "expected by (UTC)", "overdue"]
        print_table("Jobs", columns, rows)
    else:
        echo("no job is known")


def _as_json(job: "KnownJob") -> dict[str, Any]:
    times = {name: _moment(getattr(job, name)) for name in TIMES}
    return asdict(job) | {name: time and time.isoformat(timespec="microseconds") for name, time in times.items()}


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else datetime.fromtimestamp(microseconds / 1_000_000, UTC)
