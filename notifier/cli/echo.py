"""The one way out of every command, for text and for JSON. It imports nearly nothing: probes call commands often."""

import json
from typing import Any

import click

from notifier.escaping import escaped, escaped_json

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")


def print_json(value: Any) -> None:
    """Print one JSON document on standard output; a terminal obeys nothing in it."""
    click.echo(escaped_json(json.dumps(value, ensure_ascii=False, indent=2, default=str)))


def shown(value: object) -> str:
    """A value as text for a terminal: control characters, which may come from any alert, are shown and not obeyed."""
    return escaped(str(value))


def echo(text: str) -> None:
    """Print text on standard output: any may come from outside. Commands print by no other way."""
    click.echo(shown(text))


def warn(text: str) -> None:
    """Print text on standard error, in the same way."""
    click.echo(shown(text), err=True)
