"""``notifier dead unreadable``: what lay in a queue and was no message of a task."""

from typing import TYPE_CHECKING, Any

import click

from notifier.cli.output import echo, json_option, moment, print_json, print_table
from notifier.cli.table import Whole
from notifier.counting import counted

if TYPE_CHECKING:
    from notifier.outbox.unreadable import Unreadable

SHOWN_CHARACTERS = 60


@click.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--put-back", "what", flag_value="put_back", help="Put them back into their queues.")
@click.option("--drop", "what", flag_value="drop", help="Drop them for good.")
@click.option("--all", "everything", is_flag=True, help="With --put-back or --drop: all of them.")
@json_option
def unreadable(ids: tuple[str, ...], what: str | None, everything: bool, as_json: bool) -> None:
    """List what lay in a queue and was no message of a task: garbage, or a task of a later version.

    Workers set such entries aside, as they were; the newest 1,000 are kept, until 30 days after the last. Put back,
    an entry is read again by the next worker; if it still cannot be, it is set aside again.

    \b
    Examples:
      notifier dead unreadable
      notifier dead unreadable 5f0c7c1e6d1f --json
      notifier dead unreadable --put-back 5f0c7c1e6d1f
      notifier dead unreadable --drop --all

    Exit code: 0 all of them, 1 there is none with an ID, or one could not be put back.
    """
    from notifier.pipeline import client_pipeline

    entries = client_pipeline().unreadable
    if bool(what) != (bool(ids) or everything) and (what or everything):
        raise click.UsageError("say which and what: IDs or --all, with --put-back or --drop")
    chosen = [entries.get(each) for each in dict.fromkeys(ids)] if ids else entries.list()
    if what is None:
        _show(chosen, as_json)
        return
    for entry in reversed(chosen):
        if what == "drop":
            entries.drop(entry.id)
        else:
            client_pipeline().put_back(entry)
    if as_json:
        print_json({"dropped" if what == "drop" else "put_back": [entry.id for entry in reversed(chosen)]})
    else:
        echo(f"{counted(len(chosen), 'entry', 'entries')} {'dropped' if what == 'drop' else 'put back'}")


def _show(chosen: "list[Unreadable]", as_json: bool) -> None:
    if as_json:
        print_json([_as_json(entry) for entry in chosen])
    elif chosen:
        columns = ["set aside (UTC)", "queue", "problem", "detail", "bytes", "entry", "id"]
        print_table("Unreadable entries", columns, [_row(entry) for entry in chosen])
    else:
        echo("no unreadable entries")


def _row(entry: "Unreadable") -> list[object]:
    at, shown = moment(entry.set_aside_at), repr(entry.raw[:SHOWN_CHARACTERS])[1:]
    return [at, entry.queue, entry.problem, entry.detail, entry.size_bytes, shown, Whole(entry.id)]


def _as_json(entry: "Unreadable") -> dict[str, Any]:
    import base64
    from dataclasses import asdict

    try:
        whole = {"entry": entry.raw.decode()}
    except UnicodeDecodeError:
        whole = {"entry_base64": base64.b64encode(entry.raw).decode()}
    return {**{name: value for name, value in asdict(entry).items() if name != "raw"}, **whole}
