"""``notifier explain``: the life of one alert."""

import click

from notifier.cli.completion import any_id
from notifier.cli.given_id import alert_id
from notifier.cli.output import json_option, print_json, print_steps


@click.command()
@click.argument("notification_id", metavar="ID", shell_complete=any_id)
@json_option
def explain(notification_id: str, as_json: bool) -> None:
    """Show the life of one alert, step by step, with times and reasons. JSON has its message and its record too.

    \b
    Examples:
      notifier explain 5f0c7c1e-6d1f-4f0e-9a55-0f6f3c1a2b3c
      notifier explain 5f0c7c1e --json            # the beginning is enough
    """
    from notifier.operations.alert import alert_as_json
    from notifier.pipeline import client_pipeline  # imports Celery: --help need not

    pipeline, whole = client_pipeline(), alert_id(notification_id)
    if as_json:
        print_json(alert_as_json(pipeline.redis, pipeline.keys, pipeline.records, pipeline.settings, whole))
    else:
        print_steps(pipeline.explain(whole))
