"""``notifier waiting``: what waits, for what, until when."""

from dataclasses import asdict

import click

from notifier.cli.output import echo, json_option, moment, print_json, print_table, type_option
from notifier.cli.table import Whole
from notifier.models import AlertType


@click.command()
@type_option
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Shown, of each type.")
@json_option
def waiting(alert_type: str | None, limit: int, as_json: bool) -> None:
    """List the alerts that wait, in order, with what each waits for and until when.

    \b
    Examples:
      notifier waiting
      notifier waiting --type error --json
      notifier explain ID               # the life of one of them

    Exit code: 0.
    """
    from notifier.operations.waiting import waiting_alerts  # imports Celery: --help need not
    from notifier.pipeline import client_pipeline

    pipeline = client_pipeline()
    kinds = [AlertType(alert_type)] if alert_type else list(AlertType)
    found = waiting_alerts(pipeline.redis, pipeline.keys, kinds, shown_max=limit)
    if as_json:
        print_json([asdict(each) for each in found])
        return
    rows = [
        (each.alert_type, each.title, moment(each.admitted_at), each.why, moment(each.until), Whole(each.id))
        for outbox in found
        for each in outbox.shown
    ]
    if rows:
        print_table("Waiting", ["type", "title", "since (UTC)", "waits for", "until (UTC)", "id"], rows)
    else:
        echo("nothing waits")
    for outbox in found:
        if (left := outbox.count - len(outbox.shown)) > 0:
            echo(f"{left} more of the type {outbox.alert_type}: --limit {min(outbox.count, 10_000)}")
