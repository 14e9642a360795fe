"""``notifier explain``: the life of one alert."""

import click

from notifier.cli.output import json_option, print_json, print_story, story


@click.command()
@click.argument("notification_id", metavar="ID")
@json_option
def explain(notification_id: str, as_json: bool) -> None:
    """Tell what became of one alert, step by step, with times and reasons.

    \b
    Examples:
      notifier explain 5f0c7c1e-6d1f-4f0e-9a55-0f6f3c1a2b3c
      notifier explain 5f0c7c1e-6d1f-4f0e-9a55-0f6f3c1a2b3c --json
    """
    from notifier.pipeline import client_pipeline  # imports Celery: --help need not

    steps = client_pipeline().explain(notification_id)
    if as_json:
        print_json(story(steps))
    else:
        print_story(steps)
