"""The one way out of every command, for text and for JSON. It imports nearly nothing: probes call commands often."""

import json
import sys
from typing import Any

import click

from notifier.cli.terminal import printable, width
from notifier.escaping import escaped, escaped_json

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def print_json(value: Any) -> None:
    """Print one JSON document on standard output; a terminal obeys nothing in it."""
    document = escaped_json(json.dumps(value, ensure_ascii=False, indent=2, default=str))
    if printable(document, sys.stdout) != document:
        document = json.dumps(value, indent=2, default=str)
    click.echo(document, file=sys.stdout)


def shown(value: object) -> str:
    """A value as text for a terminal: control characters, which may come from any alert, are shown and not obeyed."""
    return escaped(str(value))


def echo(text: str, hanging: int = 0) -> None:
    """Print text on standard output, wrapped between words: any may come from outside.

    ``hanging``: columns by which the second line of a long one is indented, and those after it.
    """
    text, columns = printable(shown(text), sys.stdout), width()
    if columns is not None:
        from notifier.cli.table import paragraphs  # counts the columns of characters

        text = paragraphs(text, columns, hanging)
    echo_as_is(text)


def echo_as_is(text: str) -> None:
    """Print what is to be copied or read by a program: lines stay as they are. Commands print by no third way."""
    # click's own choice of a stream would be UTF-8 on a terminal that has only ASCII
    click.echo(printable(shown(text), sys.stdout), file=sys.stdout)


def warn(text: str) -> None:
    """Print text on standard error."""
    click.echo(printable(shown(text), sys.stderr), file=sys.stderr)
