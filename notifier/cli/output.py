"""How commands print: tables and progress bars for people, JSON for programs.

The base installation has no ``rich``: there is no progress bar there.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from notifier.cli.table import Whole, paragraphs, table
from notifier.cli.terminal import printable, width
from notifier.counting import counted
from notifier.duration import UNITS, seconds_of
from notifier.errors import InvalidMessage
from notifier.escaping import escaped, escaped_json, escaped_line
from notifier.models import AlertType
from notifier.outbox.record import Record

if TYPE_CHECKING:
    from notifier.operations.explain import Step

    _MomentType = click.ParamType[datetime]
else:
    _MomentType = click.ParamType  # older clicks cannot subscript it at run time

STEP_COLUMNS = 100
"""Ours: with fewer, what happened stands below when it happened."""
AGE_DAYS_MAX = 10_000

type_option = click.option(
    "--type",
    "alert_type",
    metavar="TYPE",
    type=click.Choice([kind.value for kind in AlertType]),
    help=f"The type of alert: {', '.join(AlertType)}.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def print_json(value: Any) -> None:
    """Print one JSON document on standard output; a terminal obeys nothing in it."""
    document = escaped_json(json.dumps(value, ensure_ascii=False, indent=2, default=str))
    try:
        document.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        document = json.dumps(value, indent=2, default=str)
    echo_as_is(document)


def shown(value: object) -> str:
    """A value as text for a terminal: control characters, which may come from any alert, are shown and not obeyed."""
    return escaped(str(value))


def echo(text: str, hanging: int = 0) -> None:
    """Print text on standard output, wrapped between words: any may come from outside.

    ``hanging``: columns by which the second line of a long one is indented, and those after it.
    """
    echo_as_is(paragraphs(printable(shown(text), sys.stdout), width(), hanging))


def echo_as_is(text: str) -> None:
    """Print what is to be copied or read by a program: lines stay as they are. Commands print by no third way."""
    # click's own choice of a stream would be UTF-8 on a terminal that has only ASCII
    click.echo(printable(shown(text), sys.stdout), file=sys.stdout)


def warn(text: str) -> None:
    """Print text on standard error, in the same way."""
    click.echo(printable(shown(text), sys.stderr), file=sys.stderr)


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


def steps_as_json(steps: "Sequence[Step]") -> list[dict[str, str]]:
    """The steps of one alert's life, for programs."""
    return [{"at": step.at.isoformat(timespec="microseconds"), "what": step.what} for step in steps]


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
            if value[-1:] in UNITS:  # "20260131" is a date
                return datetime.now(UTC) - timedelta(seconds=seconds_of("age", value, AGE_DAYS_MAX))
            moment = datetime.fromisoformat(value)
        except (ValueError, InvalidMessage):
            self.fail(
                f"{value!r} is neither a time such as 2026-01-31T12:00 nor an age such as 15m, 2h, 7d", param, ctx
            )
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
