"""``notifier silence``: alerts that are not to be posted for a while."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from notifier.cli.author import author_of, author_options, note
from notifier.cli.completion import silence_id as ids_of_silences
from notifier.cli.output import echo, json_option, moment, pairs, print_json, print_table, type_option
from notifier.models import AlertType

if TYPE_CHECKING:
    from notifier.outbox.silences import Silence, Silenced


@click.group()
def silence() -> None:
    """Keep alerts away for a while. They are in the history as silenced, and the end of a silence tells how many.

    \b
    Examples:
      notifier silence add --type monitoring --match 'disk*' --for 2h --by ops --why "migration"
      notifier silence list
      notifier silence end 3f2a9c01
    """


@silence.command()
@type_option
@click.option("--match", "title", metavar="GLOB", help="Titles; '*' is any text, '?' one character; a is A.")
@click.option("--source", metavar="GLOB", help="Sources.")
@click.option("--key", "dedup_key", metavar="GLOB", help="Keys of incidents.")
@click.option("--field", "fields", multiple=True, metavar="NAME=GLOB", help="Values of a field; repeat for more.")
@click.option("--for", "length", required=True, metavar="DURATION", help="90s, 15m, 2h, 7d.")
@click.option("--by", default="", help="Who wants it.")
@click.option("--why", default="", help="What for.")
@click.option("--force", "forced", is_flag=True, help="Critical and security alerts too.")
@json_option
def add(
    alert_type: str | None, fields: Sequence[str], length: str, by: str, why: str, as_json: bool, **more: Any
) -> None:
    """Begin a silence. All that is named has to match; what changes or resolves an open incident is never silenced.

    \b
    Examples:
      notifier silence add --type monitoring --match 'disk*' --for 2h --by ops --why "migration"
      notifier silence add --source db1 --field Mount=/var --for 30m
      notifier silence add --type critical --match 'payments*' --for 10m --force

    Exit code: 0.
    """
    from notifier.duration import seconds_of
    from notifier.operations.silences import ends_at, silence_as_json
    from notifier.outbox.silences import DAYS_MAX
    from notifier.pipeline import client_pipeline  # imports Celery: --help need not

    forced = more.pop("forced")
    match = {part: glob for part, glob in more.items() if glob}
    match |= {f"fields.{name}": glob for name, glob in pairs("--field", fields).items()}
    kind = AlertType(alert_type) if alert_type else None
    begun = client_pipeline().silences.add(
        match, seconds_of("--for", length, DAYS_MAX), alert_type=kind, by=by, why=why, forced=forced
    )
    note(author_of({"by": by, "why": why}), "silence.add", begun.id)
    if as_json:
        print_json(silence_as_json(begun))
    else:
        echo(f"silence {begun.id} until {moment(ends_at(begun))} UTC")


@silence.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the silences, the first to end first, and how many alerts each has kept away.

    \b
    Examples:
      notifier silence list
      notifier silence list --json

    Exit code: 0.
    """
    from notifier.operations.silences import silence_as_json
    from notifier.pipeline import client_pipeline

    found = client_pipeline().silences.list()
    if as_json:
        print_json([silence_as_json(*each) for each in found])
    elif not found:
        echo("there is no silence")
    else:
        print_table(
            "Silences", ["id", "type", "match", "until (UTC)", "silenced", "by", "why"], [_row(*each) for each in found]
        )


@silence.command()
@click.argument("silence_id", metavar="ID", shell_complete=ids_of_silences)
@author_options
def end(silence_id: str, **given: Any) -> None:
    """End a silence now. Within seconds, an alert tells what it has kept away.

    \b
    Examples:
      notifier silence end 3f2a9c01

    Exit code: 0, or 1 if there is none of this id.
    """
    from notifier.pipeline import client_pipeline

    author = author_of(given)
    client_pipeline().silences.end(silence_id)
    note(author, "silence.end", silence_id)
    echo(f"silence {silence_id} has ended")


def _row(silence: "Silence", silenced: "Silenced") -> tuple[object, ...]:
    from notifier.operations.silences import ends_at

    match = ", ".join(f"{part}={glob}" for part, glob in silence.match.items())
    return (
        *(silence.id, silence.alert_type or "any", match, moment(ends_at(silence)), silenced.count),
        *(silence.by, silence.why),
    )
