"""``celery -A notifier flower`` where Flower is not installed.

Celery finds its subcommands as entry points, before it loads an application. This one hands on Flower's own command
where there is one, so that it does not matter which of the two entry points Celery takes.
"""

from importlib import import_module
from typing import Any

import click

from notifier.extras import install_hint, missing


def _is_ours(app: Any) -> bool:
    from notifier.routing import ROUTES

    routes = app.conf.task_routes
    return isinstance(routes, dict) and all(route.task in routes for route in ROUTES.values())


@click.command(
    "flower",
    hidden=True,
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []},
)
@click.pass_context
def _not_installed(ctx: click.Context) -> None:
    # another application's `celery flower` fails as it would without this program
    if not _is_ours(ctx.obj.app):
        raise click.UsageError("No such command 'flower'.", ctx.parent)
    raise click.ClickException(install_hint("Flower", "flower"))


def _command() -> click.Command:
    if missing("flower"):
        return _not_installed
    command: click.Command = import_module("flower.command").flower
    return command


command = _command()
