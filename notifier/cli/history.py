"""``notifier history``: what became of the alerts."""

from datetime import datetime

import click

from notifier.cli.echo import warn
from notifier.cli.output import Moment, echo, json_option, print_json, print_records, type_option
from notifier.models import AlertType
from notifier.outcome import NEVER_STORED, UNDELIVERED, Status

FINAL = [status.value for status in Status if status not in NEVER_STORED]


@click.command()
@type_option
@click.option(
    "--status",
    metavar="WORD",
    type=click.Choice(FINAL),
    help=f"Only this outcome: {', '.join(FINAL)}. With failed all of {', '.join(UNDELIVERED)}.",
)
@click.option("--since", type=Moment(), help="Not before: 2026-01-31T12:00, or an age such as 15m, 2h, 7d.")
@click.option("--until", type=Moment(), help="Not after: as --since.")
@click.option("--search", help="Only with this text in the message, reason or id, any case.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@json_option
def history(
    alert_type: str | None,
    status: str | None,
    since: datetime | None,
    until: datetime | None,
    search: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """What became of the alerts, newest first.

    \b
    Examples:
      notifier history --type error --since 24h
      notifier history --status failed --json
      notifier history --search "database timeout" --limit 5
    """
    from notifier.operations.history import SEARCHED_MAX
    from notifier.pipeline import client_pipeline  # imports Celery: --help need not

    page = client_pipeline().history.page(
        alert_type=AlertType(alert_type) if alert_type else None,
        status=UNDELIVERED if status == Status.FAILED else Status(status) if status else None,
        since=since,
        until=until,
        search=search,
        limit=limit,
        scanned_max=SEARCHED_MAX,
    )
    if as_json:
        print_json(page.records)
    elif page.records:
        print_records("History", page.records)
    else:
        echo("nothing in the history matches")
    if page.cursor and len(page.records) < limit:
        there = page.looked_back_to
        warn(f"looked at the newest {page.looked_at:,} records, back to {there}; --until {there} looks further")
