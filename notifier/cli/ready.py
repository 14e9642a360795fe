"""``notifier ready``: whether the workers of this machine can deliver."""

import click

from notifier.cli.echo import json_option
from notifier.cli.live import tell, worker_option


@click.command()
@worker_option
@json_option
def ready(worker: str | None, as_json: bool) -> None:
    """Say whether the workers of this user on this machine consume their queues, and Redis takes their heartbeats.

    \b
    Examples:
      notifier ready
      notifier ready --worker mail@host1 --json

    Exit code: 0 there is a worker, and each one is ready; 1 otherwise.
    """
    tell("ready", "is ready", worker, lambda each: each.stuck or each.unready, as_json=as_json)
