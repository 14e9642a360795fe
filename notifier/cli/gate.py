"""``notifier gate``: show the gates, and reset them."""

from typing import Any

import click

from notifier.cli.output import echo, json_option, print_json, print_table
from notifier.models import AlertType
from notifier.render.notes import duration

EDGE = "edge"
NAMES = [*(kind.value for kind in AlertType), EDGE]


@click.group()
def gate() -> None:
    """The gate of each webhook (breaker, quarantine, rate limits, pauses), and what holds this whole address.

    \b
    Examples:
      notifier gate list
      notifier gate reset security      its webhook is known to answer again
      notifier gate reset edge          this address is known to be held no more
    """


@gate.command("list")
@json_option
def list_gates(as_json: bool) -> None:
    """Show the gate of each webhook that is configured here, and how many alerts wait for it.

    \b
    Examples:
      notifier gate list
      notifier gate list --json
    """
    from notifier.operations.gates import gates_as_json  # imports Celery: --help need not
    from notifier.pipeline import client_pipeline

    pipeline = client_pipeline()
    found = gates_as_json(pipeline.gate, pipeline.outbox, pipeline.settings)
    if as_json:
        print_json(found)
        return
    columns = {
        "alert_type": "type",
        "waiting": "waiting",
        "webhook_id": "webhook",
        "name": "name",
        "channel_id": "channel",
        "breaker": "breaker",
        "quarantined": "quarantined",
        "requests_last_minute": "requests in the last minute",
    }
    cells = [(*(row.get(column) for column in columns), _paused(row)) for row in found["gates"]]
    print_table("Gates", [*columns.values(), "paused"], cells)
    if (banned_seconds := found["banned_seconds"]) is not None:
        echo(f"This address is banned at Discord's edge; the next probe may go in {duration(banned_seconds)}.")


def _paused(row: dict[str, Any]) -> str:
    from notifier.gate.admin import Pause

    return "; ".join(str(Pause(**each)) for each in row.get("pauses", ()))


@gate.command()
@click.argument(
    "names",
    metavar="TYPE|edge...",
    nargs=-1,
    required=True,
    type=click.Choice(NAMES),
)
@json_option
def reset(names: tuple[str, ...], as_json: bool) -> None:
    """Forget what holds a type's webhook, or (edge) this whole address: quarantine, breaker, pauses, used up limits.

    Waiting alerts are delivered at once.

    What was counted for Discord's limits is forgotten too: if they are used up indeed, its next answer says so.

    \b
    Examples:
      notifier gate reset security
      notifier gate reset edge general
    """
    from notifier.errors import ConfigurationError
    from notifier.pipeline import client_pipeline  # imports Celery: --help need not
    from notifier.routing import ROUTES

    pipeline = client_pipeline()
    for name in names:
        if name != EDGE and AlertType(name) not in pipeline.settings.webhooks:
            unset = f"{ROUTES[AlertType(name)].webhook_variables[0]} is not set here"
            raise ConfigurationError(pipeline.settings.wrong_webhooks.get(AlertType(name), unset))
    for name in names:
        if name == EDGE:
            pipeline.gate.reset_edge()
        else:
            pipeline.gate.reset(pipeline.settings.webhooks[AlertType(name)])
    for kind in AlertType:  # others may share the channel
        pipeline.publisher.wake_up(pipeline.outbox.force_wake(kind))
    if as_json:
        print_json({"reset": names})
    else:
        echo(f"reset: {', '.join(names)}")
