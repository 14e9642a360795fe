"""``notifier incidents``: what is wrong now, and what was."""

from dataclasses import asdict

import click

from notifier.cli.output import echo, json_option, moment, print_json, print_table, type_option
from notifier.models import AlertType


@click.command()
@click.option("--open", "only_open", is_flag=True, help="Only those that are not over.")
@type_option
@json_option
def incidents(only_open: bool, alert_type: str | None, as_json: bool) -> None:
    """List the incidents: alerts of a type with the same --dedup-key, the last heard of first.

    \b
    Examples:
      notifier incidents --open
      notifier incidents --type monitoring --json

    Exit code: 0.
    """
    from notifier.operations.incidents import incidents as incidents_of  # imports Celery: --help need not
    from notifier.pipeline import client_pipeline

    pipeline = client_pipeline()
    kinds = [AlertType(alert_type)] if alert_type else list(AlertType)
    found = incidents_of(pipeline.redis, pipeline.keys, kinds, only_open=only_open)
    if as_json:
        print_json([asdict(each) for each in found])
    elif not found:
        echo("no incident is open" if only_open else "no incident is known")
    else:
        rows = [
            (
                *(each.alert_type, each.key, each.title, each.state, each.count, each.acknowledged_by or ""),
                *(moment(each.opened_at), moment(each.last_at), each.link or each.message_id),
            )
            for each in found
        ]
        columns = ["type", "key", "title", "state", "times", "acknowledged by", "first (UTC)", "last (UTC)", "message"]
        print_table("Incidents", columns, rows)
