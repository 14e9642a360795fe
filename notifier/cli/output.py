"""How commands print: tables and progress bars for people, JSON for programs.

The base installation has no ``rich``: there, a table is plain columns and there is no progress bar.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from notifier.cli.echo import echo as echo
from notifier.cli.echo import json_option as json_option
from notifier.cli.echo import print_json as print_json
from notifier.cli.echo import shown
from notifier.cli.echo import warn as warn
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

PIPE_COLUMNS = 240

type_option = click.option(
    "--type", "alert_type", type=click.Choice([kind.value for kind in AlertType]), help="Only this type."
)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table on standard output; cells are plain text, never markup."""
    texts = [["" if cell is None else shown(cell) for cell in row] for row in rows]
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ModuleNotFoundError:
        _print_columns(title, [list(columns), *texts])
        return
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for cells in texts:
        table.add_row(*map(Text, cells))
    # a pipe has no width of its own: do not fold what a program or a grep reads
    Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS).print(table)


def _print_columns(title: str, lines: list[list[str]]) -> None:
    lines = [[" ".join(cell.split()) for cell in line] for line in lines]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    echo(title)
    for line in lines:
        echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


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
    """A progress bar on standard error, unless ``quiet`` or without rich; yields a function that counts one step."""
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ModuleNotFoundError:
        yield lambda: None
        return
    with Progress(console=Console(stderr=True), disable=quiet) as progress:
        bar = progress.add_task(title, total=total)
        yield lambda: progress.advance(bar)


def print_records(title: str, records: Sequence[Record]) -> None:
    """Print records, one per line."""
    rows = [
        (
            each["finished_at"][:19],
            each["alert_type"],
            each["status"],
            _titled(each.get("message") or {}),  # a record of a later version may lack some
            *(each.get(name) for name in ("attempts", "reason", "message_id", "id")),
        )
        for each in records
    ]
    print_table(title, ["finished (UTC)", "type", "status", "title", "attempts", "reason", "message", "id"], rows)


def _titled(message: dict[str, Any]) -> str:
    """The title of an alert, and the names and sizes of its files."""
    files = [f"[{each.get('name')}, {each.get('bytes', '?')} bytes]" for each in message.get("files", ())]
    return " ".join([str(message.get("title", "")), *files])


def print_steps(steps: "Sequence[Step]") -> None:
    """Print the steps, one per line: when, how long after the step before, what happened."""
    for before, step in zip([steps[0], *steps], steps, strict=False):
        after = (step.at - before.at).total_seconds()
        echo(f"{step.at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + f"  {f'+{after:.3g} s':>10}  {escaped_line(step.what)}")


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
