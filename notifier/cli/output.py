"""How commands speak: tables for people, JSON for programs."""

import json
import re
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from notifier.outbox.record import Record

if TYPE_CHECKING:
    from notifier.operations.explain import Step

PIPE_COLUMNS = 240
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on standard output; cells are plain text whatever they hold."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    # a pipe has no width of its own: do not fold what a program or a grep reads
    Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS).print(table)


def print_records(title: str, records: Sequence[Record]) -> None:
    """History records, one a line."""
    rows = [
        (
            each["finished_at"][:19],
            each["alert_type"],
            each["status"],
            each["message"]["title"],
            each["attempts"],
            each["reason"],
            each["message_id"],
            each["id"],
        )
        for each in records
    ]
    print_table(title, ["finished (UTC)", "type", "status", "title", "attempts", "reason", "message", "id"], rows)


def story(steps: "Sequence[Step]") -> list[dict[str, str]]:
    """One alert's life, for programs."""
    return [{"at": step.at.isoformat(), "what": step.what} for step in steps]


def print_story(steps: "Sequence[Step]") -> None:
    """One alert's life, a step a line: when, how long after the step before, what."""
    for before, step in zip([steps[0], *steps], steps, strict=False):
        after = (step.at - before.at).total_seconds()
        click.echo(f"{step.at:%Y-%m-%d %H:%M:%S.%f}"[:-3] + f"  {f'+{after:.3g} s':>10}  {step.what}")


class Moment(click.ParamType[datetime]):
    """A point in time: ISO 8601, or how long ago (``90s``, ``15m``, ``2h``, ``7d``)."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read it, in UTC unless it says otherwise."""
        if isinstance(value, datetime):
            return value
        if ago := re.fullmatch(r"(\d{1,6})([smhd])", value):
            return datetime.now(UTC) - timedelta(**{UNITS[ago[2]]: int(ago[1])})
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(
                f"{value!r} is neither a time such as 2026-01-31T12:00 nor an age such as 15m, 2h, 7d", param, ctx
            )
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
