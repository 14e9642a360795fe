"""``notifier ack``: somebody takes care of an incident."""

import click

from notifier.cli.author import author_of, note, user_name
from notifier.cli.completion import incident_key
from notifier.cli.output import echo, json_option, print_json, type_option
from notifier.models import AlertType


@click.command()
@click.argument("key", shell_complete=incident_key)
@type_option
@click.option("--by", help="Who takes care of it (default: the name of the user).")
@click.option("--why", default="", help="What is being done.")
@json_option
def ack(key: str, alert_type: str | None, by: str | None, why: str, as_json: bool) -> None:
    """Acknowledge the open incidents with this key: their messages say so, and they are not posted again as reminders.

    \b
    Examples:
      notifier ack disk/db1 --by ops --why "disk is being replaced"
      notifier ack disk/db1 --type monitoring --json

    Exit code: 0, or 1 if no incident with this key is open.
    """
    from notifier.operations.acknowledge import acknowledge  # imports Celery: --help need not
    from notifier.pipeline import client_pipeline

    kinds = [AlertType(alert_type)] if alert_type else list(AlertType)
    pipeline = client_pipeline()
    parts = pipeline.redis, pipeline.keys, pipeline.records, pipeline.client
    found = acknowledge(*parts, key, kinds, by=by or user_name(), why=why)
    for each in found:
        note(author_of({"by": by, "why": why}), "incident.ack", f"{each['alert_type']} {key}")
    if as_json:
        print_json(found)
    else:
        for each in found:
            echo(f"acknowledged by {each['acknowledged_by']}: {each['alert_type']} {each['key']} ({each['title']})")
