"""``notifier explain``: the life of one alert."""

import click

from notifier.cli.output import json_option, print_json, print_steps


@click.command()
@click.argument("notification_id", metavar="ID")
@json_option
def explain(notification_id: str, as_json: bool) -> None:
    """Show the life of one alert, step by step, with times and reasons.

    \b
    Examples:
      notifier explain 5f0c7c1e-6d1f-4f0e-9a55-0f6f3c1a2b3c
      notifier explain 5f0c7c1e-6d1f-4f0e-9a55-0f6f3c1a2b3c --json
    """
    from notifier.operations.explain import steps_as_json  # imports Celery: --help need not
    from notifier.pipeline import client_pipeline

    steps = client_pipeline().explain(notification_id)
    if as_json:
        print_json(steps_as_json(steps))
    else:
        print_steps(steps)
