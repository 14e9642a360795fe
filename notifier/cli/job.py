"""``notifier job``: run a command as a job, for cron; forget a job."""

from typing import Any, Literal

import click

from notifier.cli.author import author_of, author_options, note
from notifier.cli.completion import job_name
from notifier.cli.output import echo, type_option


@click.group()
def job() -> None:
    """Run a command and be told what came of it; forget a job.

    \b
    Examples:
      notifier job run --name "nightly import" --expect 24h -- /opt/import.sh --all
      notifier job forget "nightly import"
    """


@job.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("--name", required=True, help="What the job is called.")
@type_option
@click.option("--expect", help="How often it is started (90s, 15m, 24h, 7d): if it is not, an alert says so.")
@click.option("--grace", help="How much later than that it may be.")
@click.option("--source", help="Where it runs; the name of this machine.")
@click.option(
    "--tell",
    type=click.Choice(["all", "end", "failures"]),
    default="all",
    show_default=True,
    help="One message from its start on; one at its end; one if it fails.",
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def run(
    name: str,
    alert_type: str | None,
    expect: str | None,
    grace: str | None,
    source: str | None,
    tell: Literal["all", "end", "failures"],
    command: tuple[str, ...],
) -> None:
    """Run COMMAND, with one message that says that it runs, then its exit code, its duration and the end of its output.

    Its output goes where it would go. Signals are passed to it. The alert changes nothing of the exit code: if it
    cannot be raised, standard error says so.

    \b
    Examples:
      notifier job run --name backup -- pg_dump -Fc shop -f /backup/shop.dump
      0 3 * * * notifier job run --name import --expect 24h --tell failures -- /opt/import.sh    # in a crontab

    Exit code: that of COMMAND; 128 and the signal's number if one ended it; 126 or 127 if it cannot be run.
    """
    import socket

    from notifier.cli.child import run_child
    from notifier.running_job import Job

    job = Job(
        name,
        type=alert_type,
        expect=expect,
        grace=grace,
        source=source or socket.gethostname(),
        tell=tell,
    )
    job.start()
    ended = run_child(command)
    if ended.exit_code == 0:
        job.finished(output=ended.output, exit_code=0)
    else:
        job.failed(ended.told, output=ended.output, exit_code=ended.exit_code)
    raise SystemExit(ended.exit_code)


@job.command()
@click.argument("name", shell_complete=job_name)
@author_options
def forget(name: str, **given: Any) -> None:
    """Forget a job that is not run any more: it is not expected, and `notifier jobs` does not list it.

    \b
    Examples:
      notifier job forget "nightly import"

    Exit code: 0 forgotten, 1 it was not known.
    """
    from notifier.pipeline import client_pipeline

    if not client_pipeline().jobs.forget(name):
        raise click.ClickException(f"no job {name!r} is known")
    note(author_of(given), "job.forget", name)
    echo(f"forgotten: {name}")
