"""``notifier dead``: what could not be delivered."""

import click

from notifier.cli.output import json_option, print_json, print_records
from notifier.models import AlertType


@click.group()
def dead() -> None:
    """Alerts that could not be delivered: look at them, send them again.

    \b
    Examples:
      notifier dead list --type security
      notifier dead replay 5f0c7c1e-6d1f-4f0e-9a55-0f6f3c1a2b3c
    """


@dead.command("list")
@click.option("--type", "alert_type", type=click.Choice([kind.value for kind in AlertType]), help="Only this type.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@json_option
def list_dead(alert_type: str | None, limit: int, as_json: bool) -> None:
    """Show the dead letters, newest first."""
    from notifier.pipeline import client_pipeline  # imports Celery: --help need not

    records = client_pipeline().dead_letters.list(AlertType(alert_type) if alert_type else None, limit)
    if as_json:
        print_json(records)
    elif records:
        print_records("Dead letters", records)
    else:
        click.echo("no dead letters")


@dead.command()
@click.argument("notification_id")
@json_option
def replay(notification_id: str, as_json: bool) -> None:
    """Send a dead letter again, as a new alert."""
    from notifier.pipeline import client_pipeline  # imports Celery: --help need not

    new_id = client_pipeline().dead_letters.replay(notification_id)
    if as_json:
        print_json({"replayed": notification_id, "id": new_id})
    else:
        click.echo(f"queued again as {new_id}")
