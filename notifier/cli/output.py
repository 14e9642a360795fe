"""How commands print: tables and progress bars for people, JSON for programs.

The base installation has no ``rich``: there is no progress bar there.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from notifier.cli.echo import echo as echo
from notifier.cli.echo import echo_as_is as echo_as_is
from notifier.cli.echo import json_option as json_option
from notifier.cli.echo import print_json as print_json
from notifier.cli.echo import shown
from notifier.cli.echo import warn as warn
from notifier.cli.table import Whole, table
from notifier.cli.terminal import printable, width
from notifier.counting import counted
from notifier.duration import moment_of
from notifier.errors import InvalidMessage
from notifier.escaping import escaped_line
from notifier.models import AlertType
from notifier.outbox.record import Record

if TYPE_CHECKING:
    from notifier.operations.explain import Step

    _MomentType = click.ParamType[datetime]
else:
    _MomentType = click.ParamType  # older clicks cannot subscript it at run time

STEP_COLUMNS = 100
"""Ours: with fewer, what happened stands below when it happened."""

type_option = click.option(
    "--type",
    "alert_type",
    metavar="TYPE",
    type=click.Choice([kind.value for kind in AlertType]),
    help=f"The type of alert: {', '.join(AlertType)}.",
)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table on standard output; cells are plain text, never markup. Ids and points in time are ``Whole``."""
    texts = [[_cell(cell) for cell in row] for row in rows]
    lines = table(columns, texts, width()) if texts else ()
    echo_as_is("\n".join([title, *lines] if title else lines))


def _cell(cell: object) -> str:
    if cell is None:
        return ""
    text = " ".join(printable(shown(cell), sys.stdout).split())
    return Whole(text) if isinstance(cell, Whole) else text


def moment(at: "datetime | str | None") -> str:
    """A point in time as a table has it, in UTC to the second; text is ISO 8601."""
    return Whole((str(at) if at else "")[:19].replace("T", " "))


def pairs(option: str, values: Iterable[str]) -> dict[str, str]:
    """Values of the form NAME=VALUE, of an option that may be repeated. Raises BadParameter: one is not."""
    found = {}
    for value in values:
        name, separator, text = value.partition("=")
        if not separator or not name:
            raise click.BadParameter(f"{value!r} is not NAME=VALUE", param_hint=option)
        found[name] = text
    return found


@contextmanager
def progress_bar(title: str, total: int, *, quiet: bool) -> Iterator[Callable[[], None]]:
    """A progress bar on a terminal's standard error, unless ``quiet`` or without rich; yields what counts a step."""
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ModuleNotFoundError:
        yield lambda: None
        return
    with Progress(console=Console(stderr=True), disable=quiet or not sys.stderr.isatty()) as progress:
        bar = progress.add_task(title, total=total)
        yield lambda: progress.advance(bar)


def print_records(title: str, records: Sequence[Record]) -> None:
    """Print records, one per line."""
    rows = [
        (
            moment(each["finished_at"]),
            each["alert_type"],
            each["status"],
            _titled(each.get("message") or {}),  # a record of a later version may lack some
            *(each.get(name) for name in ("attempts", "reason", "message_id")),
            Whole(each["id"]),
        )
        for each in records
    ]
    print_table(title, ["finished (UTC)", "type", "status", "title", "attempts", "reason", "message", "id"], rows)


def _titled(message: dict[str, Any]) -> str:
    """The title of an alert, and the names and sizes of its files."""
    files = [f"[{each.get('name')}, {_bytes(each.get('bytes'))}]" for each in message.get("files", ())]
    return " ".join([str(message.get("title", "")), *files])


def _bytes(size: object) -> str:
    return counted(size, "byte") if isinstance(size, int) else "? bytes"


def print_steps(steps: "Sequence[Step]") -> None:
    """Print the steps, one per line: when, how long after the step before, what happened."""
    for before, step in zip([steps[0], *steps], steps, strict=False):
        after = (step.at - before.at).total_seconds()
        when = f"{step.at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + f" UTC  {after:>+11,.3f} s  "
        room = width()
        if room is None or room >= STEP_COLUMNS:
            echo(when + escaped_line(step.what), len(when))
        else:
            echo(f"{when.rstrip()}\n  {escaped_line(step.what)}")


class Moment(_MomentType):
    """A point in time: ISO 8601, or how long ago (``90s``, ``15m``, ``2h``, ``7d``)."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Parse the value; without an offset it is UTC."""
        if isinstance(value, datetime):
            return value
        try:
            return moment_of("time", value)
        except InvalidMessage as error:
            self.fail(str(error).removeprefix("time: "), param, ctx)
