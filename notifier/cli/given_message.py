"""The alert that a command is given, in options, from a file or from standard input."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from notifier.attached import BYTES_MAX
from notifier.cli.output import pairs, warn
from notifier.errors import InvalidMessage
from notifier.message_parts import is_http_url, is_snowflake
from notifier.models import NotificationMessage, Severity
from notifier.texts import CHARACTERS_MAX

STDIN = "-"
Command = TypeVar("Command", bound=Callable[..., Any])

OPTIONS = (
    click.option("-m", "--message", help="The text below the title; '-' reads it from standard input."),
    click.option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="A detail; repeat for more."),
    click.option(
        "--severity",
        metavar="WORD",
        type=click.Choice([severity.value for severity in Severity]),
        help=", ".join(Severity),
    ),
    click.option("--color", help="0 to 16777215, '#rrggbb', or a name such as green."),
    click.option("--source", help="The service that raises the alert."),
    click.option("--url", help="Where the title links to."),
    click.option("--author", help="Whose name stands above the title."),
    click.option("--image", metavar="FILE|URL", help="A large picture below the text."),
    click.option("--thumbnail", metavar="FILE|URL", help="A small picture beside the text."),
    click.option("--file", "files", multiple=True, metavar="FILE", help="A file to attach; repeat for more."),
    click.option("--thread", metavar="ID|NAME", help="A thread's id, or the name of a new post in a forum."),
    click.option("--silent", is_flag=True, help="Nobody hears or sees a notification of it."),
    click.option("--mention", "mentions", multiple=True, help="'<@user id>', '<@&role id>', '@here', '@everyone'."),
    click.option(
        "--markdown/--plain",
        default=None,
        help="Whether the text is Discord's Markdown; that of standard input is not.",
    ),
    click.option("--dedup-key", help="Alerts of a type with the same key share one message, which is edited."),
    click.option("--resolved", is_flag=True, help="The incident of this --dedup-key is over."),
    click.option("--if-not-open", type=click.Choice(["ignore", "post"]), help="If --resolved ends nothing."),
    click.option("--update", is_flag=True, help="Change the message of the incident; it is no repeat."),
    click.option("--remind-seconds", help="An open incident is told again after so long, then after twice as long."),
    click.option("--escalate-after", help="After so many seconds it is escalated, once."),
    click.option("--escalate-to", help="An alert type, and mentions, such as critical,role:123."),
    click.option("--progress", help="0 to 1, or a percentage: drawn as a bar."),
    click.option("--id", "notification_id", help="Your own id: the same id is never sent twice."),
    click.option(
        *("--set", "--var", "variables"),
        multiple=True,
        metavar="NAME=VALUE",
        help="A template's variable; repeat for more.",
    ),
)


def message_options(command: Command) -> Command:
    """The options that say what stands in an alert."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def given_message(given: Mapping[str, Any]) -> NotificationMessage:
    """The alert of these options, and of ``alert_type``, ``title`` and ``template``.

    Raises:
        InvalidMessage: a value cannot be taken; names it.
        UsageError: the options do not fit together.
    """
    fields = {name: value for name, value in given.items() if value not in (None, (), "", False)}
    variables: Mapping[str, Any] = pairs("--set", fields.pop("variables", ())) or fields.pop("context", {})
    if "fields" in fields:
        fields["fields"] = pairs("--field", fields["fields"])
    fields["id"] = fields.pop("notification_id", None)
    fields["markdown"] = given.get("markdown")
    _read_text(fields)
    _read_files(fields)
    if thread := fields.pop("thread", None):
        fields["thread_id" if is_snowflake(thread) else "thread_name"] = thread
    if "template" in fields:
        fields["context"] = variables
    elif variables:
        raise click.UsageError("--set gives a variable of a template: name one")
    return _message(fields)


def message_of_json(file: str, overrides: Mapping[str, Any], variables: Sequence[str] = ()) -> NotificationMessage:
    """The alert that a file of JSON describes by the names of a message's fields; ``-`` is standard input.

    ``variables`` win over those of the file's ``context``.

    Raises:
        InvalidMessage: it holds no such object, or a field cannot be taken.
        UsageError: the file cannot be read, or names no template that takes the variables.
    """
    content = _stdin() if file == STDIN else _content(file, "--from-json", CHARACTERS_MAX)
    if len(content) > CHARACTERS_MAX:
        raise click.UsageError(f"standard input: more than {CHARACTERS_MAX} bytes")
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidMessage(f"{file}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise InvalidMessage(f"{file}: expected a JSON object with the fields of a message")
    if variables:
        if "template" not in found:
            raise click.UsageError(f"--var gives a variable of a template: {file} names none")
        context = found.get("context") or {}
        if isinstance(context, dict):  # else it is refused with its name
            found["context"] = {**context, **pairs("--var", variables)}
    return _message({**found, **overrides})


def _message(fields: Mapping[str, Any]) -> NotificationMessage:
    return NotificationMessage(**{name: value for name, value in fields.items() if value is not None})


def _read_text(fields: dict[str, Any]) -> None:
    """A program's output is no Markdown, unless it is said to be."""
    if fields.get("message") != STDIN:
        return
    fields["message"] = _stdin().decode(errors="surrogateescape")  # what is no UTF-8 is replaced, and that is said
    if not fields["markdown"]:
        fields["plain"] = ("message",)


def _read_files(fields: dict[str, Any]) -> None:
    """What cannot be read is left out and told: a picture that was never made is often what the alert is about."""
    files, told = [], []
    pictures = [name for name in ("image", "thumbnail") if name in fields and not is_http_url(fields[name])]
    for name, path in [
        *(("file", path) for path in fields.pop("files", ())),
        *((name, fields[name]) for name in pictures),
    ]:
        try:
            files.append((Path(path).name, _content(path, f"--{name}", BYTES_MAX)))
        except click.BadParameter as error:
            told.append(f"{name}: left out: {error.message}")
            fields.pop(name, None)
            continue
        if name in pictures:
            fields[name] = files[-1][0]
    if files:
        fields["files"] = files
    if told:
        fields["adjusted"] = told
        warn("\n".join(told))


def _stdin() -> bytes:
    """What it holds, as far as a text may go; nothing if it is closed or cannot be read: an alert goes all the same."""
    try:
        return sys.stdin.buffer.read(CHARACTERS_MAX + 1)
    except (AttributeError, OSError, ValueError):  # closed (then Python has None), a folder, write only
        return b""


def _content(path: str, option: str, most: int) -> bytes:
    try:
        with Path(path).open("rb") as file:
            content = file.read(most + 1)
    except (OSError, ValueError) as error:
        raise click.BadParameter(f"{path}: {getattr(error, 'strerror', None) or error}", param_hint=option) from None
    if len(content) > most:
        raise click.BadParameter(f"{path}: more than {most} bytes", param_hint=option)
    return content
