"""``notifier gate``: show the gates, and reset them."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from notifier.cli.author import author_of, author_options
from notifier.cli.output import echo, json_option, print_json, print_table
from notifier.models import AlertType
from notifier.render.notes import duration

if TYPE_CHECKING:
    from notifier.operations.gate_switch import Turn

EDGE = "edge"
TYPES = [kind.value for kind in AlertType]
NAMES = [*TYPES, EDGE]
DONE: "Mapping[Turn, str]" = {"open": "open", "close": "closed", "reset": "reset"}


def _gates(metavar: str, names: Sequence[str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The argument for names of gates; behind that of a type may stand which one of its webhooks, as in error.1."""
    choice = click.Choice(names)

    def read(context: click.Context, param: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
        def one(value: str) -> str:
            name, dot, number = value.partition(".")
            is_one = dot and number.isdecimal() and name in TYPES
            return f"{name}.{int(number)}" if is_one else str(choice.convert(value, param, context))

        return tuple(map(one, given))

    given: dict[str, Any] = {"callback": read, "shell_complete": choice.shell_complete}
    return click.argument("names", metavar=metavar, nargs=-1, required=True, **given)


types_argument = _gates("TYPE...", TYPES)


@click.group()
def gate() -> None:
    """The gate of each webhook (breaker, quarantine, rate limits, pauses), and what holds this whole address.

    \b
    Examples:
      notifier gate list
      notifier gate close tracklist     # nothing goes there until it is opened
      notifier gate reset security      # its webhook is known to answer again
      notifier gate reset error.1       # the second webhook of that type alone
      notifier gate reset edge          # this address is known to be held no more
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
    found = gates_as_json(pipeline.gate, pipeline.outbox, pipeline.settings, pipeline.audit)
    if as_json:
        print_json(found)
        return
    columns = {
        "partition": "type",
        "waiting": "waiting",
        "webhook_id": "webhook",
        "name": "name",
        "channel_id": "channel",
        "gate": "gate",
        "quarantined": "quarantined",
        "requests_last_minute": "requests in the last minute",
    }
    cells = [(*({**row, "gate": _shown(row)}.get(name) for name in columns), _paused(row)) for row in found["gates"]]
    print_table("Gates", [*columns.values(), "paused"], cells)
    if (banned_seconds := found["banned_seconds"]) is not None:
        echo(f"This address is banned at Discord's edge; the next probe may go in {duration(banned_seconds)}.")


def _paused(row: dict[str, Any]) -> str:
    from notifier.gate.state import Pause

    return "; ".join(str(Pause(**each)) for each in row.get("pauses", ()))


def _shown(row: dict[str, Any]) -> str:
    """Whether it lets requests through, and who says that it does not."""
    from notifier.gate.state import Closed

    if row.get("closed"):
        return str(Closed(**row["closed"]))
    breaker = row.get("breaker", "")
    return {"closed": "open", "": ""}.get(breaker, f"breaker {breaker}".replace("_", " "))


def _turned(turn: "Turn", names: tuple[str, ...], as_json: bool, given: dict[str, Any]) -> None:
    from notifier.pipeline import client_pipeline  # imports Celery: --help need not

    client_pipeline().gate_switch.turn(turn, names, author_of(given))
    if as_json:
        print_json({turn: names})
    else:
        echo(f"{DONE[turn]}: {', '.join(names)}")


@gate.command("close")
@types_argument
@author_options
@json_option
def close_gates(names: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Let nothing go to a type's webhook until it is opened or reset, for 30 days at most. Alerts are taken, and wait.

    What waits too long expires as ever (DISCORD_EXPIRE_SECONDS). Types with the same webhook wait too.

    \b
    Examples:
      notifier gate close tracklist --why "the channel is being moved"

    Exit code: 0, or 1 if a type has no webhook here.
    """
    _turned("close", names, as_json, given)


@gate.command("open")
@types_argument
@author_options
@json_option
def open_gates(names: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Open what was closed, and let the next request go though the breaker is open. Waiting alerts go at once.

    What Discord said (a quarantine, its limits) still holds; `notifier gate reset` forgets that too.

    \b
    Examples:
      notifier gate open tracklist

    Exit code: 0, or 1 if a type has no webhook here.
    """
    _turned("open", names, as_json, given)


@gate.command()
@_gates("TYPE|edge...", NAMES)
@author_options
@json_option
def reset(names: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Forget what holds a type's webhook, or (edge) this whole address: quarantine, breaker, pauses, used up limits.

    Waiting alerts are delivered at once.

    What was counted for Discord's limits is forgotten too: if they are used up indeed, its next answer says so.

    \b
    Examples:
      notifier gate reset security
      notifier gate reset edge general --by ops --why "the webhook was made anew"
    """
    _turned("reset", names, as_json, given)
