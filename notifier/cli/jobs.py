"""``notifier jobs``: the jobs that are known."""

import click

from notifier.cli.output import echo, json_option, moment, print_json, print_table


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
    from notifier.operations.jobs import moment as at
    from notifier.pipeline import client_pipeline

    found = client_pipeline().jobs.list()
    if as_json:
        print_json([job_as_json(each) for each in found])
        return
    rows = [
        (
            each.name,
            *(moment(at(time)) for time in (None if each.outcome == "expected" else each.started_at, each.ended_at)),
            each.outcome + (f" ({each.exit_code})" if each.exit_code else ""),
            moment(at(each.due_at)),
            "yes" if each.is_overdue else "",
        )
        for each in found
    ]
    if rows:
        columns = ["name", "last start (UTC)", "last end (UTC)", "outcome", "expected by (UTC)", "overdue"]
        print_table("Jobs", columns, rows)
    else:
        echo("no job is known")
