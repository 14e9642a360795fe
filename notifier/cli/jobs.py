"""``notifier jobs``: the jobs that are known."""

import click

from notifier.cli.output import json_option, print_json, print_table


@click.command()
@json_option
def jobs(as_json: bool) -> None:
    """List jobs: when each was started last and how that ended, when it is expected, and what is overdue.

    \b
    Examples:
      notifier jobs
      notifier jobs --json
    """
    from notifier.operations.jobs import job_as_json
    from notifier.pipeline import client_pipeline

    found = client_pipeline().jobs.list()
    if as_json:
        print_json([job_as_json(each) for each in found])
        return
    rows = [
        (
            each.name,
            *(_shown(time) for time in (None if each.outcome == "expected" else each.started_at, each.ended_at)),
            each.outcome + (f" ({each.exit_code})" if each.exit_code else ""),
            _shown(each.due_at),
            "overdue" if each.is_overdue else "",
        )
        for each in found
    ]
    print_table("jobs", ["name", "last start (UTC)", "last end (UTC)", "outcome", "expected by", ""], rows)


def _shown(microseconds: int | None) -> str:
    from notifier.operations.jobs import moment

    time = moment(microseconds)
    return f"{time:%Y-%m-%d %H:%M:%S}" if time else ""
