"""``notifier preview``: what would be posted."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from notifier.cli.completion import template_name
from notifier.cli.given_message import given_message, message_of_json, message_options
from notifier.cli.output import echo, json_option, print_json, print_table, type_option
from notifier.models import NotificationMessage

if TYPE_CHECKING:
    from notifier.operations.preview import Preview
    from notifier.render.sizes import Size

open_option = click.option(
    "--open", "open_page", is_flag=True, help="Show it in a browser, on the page of a local Discord, until Ctrl-C."
)


@click.command()
@click.argument("template", required=False, shell_complete=template_name)
@click.option("--from-json", "file", metavar="FILE", help="The fields of a message as JSON; '-' is standard input.")
@type_option
@click.option("--title", help="Instead of the template's.")
@message_options
@open_option
@json_option
def preview(
    template: str | None,
    file: str | None,
    alert_type: str | None,
    title: str | None,
    open_page: bool,
    as_json: bool,
    **fields: Any,
) -> None:
    """Show what would be posted of an alert, and where: payloads, their sizes, pings, what is masked. Sends nothing.

    Without variables, a template is shown with the values of its own example.

    \b
    Examples:
      notifier preview deployment
      notifier preview tracklist_generated --var recording="Artist - Mix Title" --var tracks=15 --open
      notifier preview --from-json alert.json --json
      echo '{"alert_type": "error", "title": "Disk full"}' | notifier preview --from-json -

    Exit code: 0 if it can be sent, 1 otherwise.
    """
    if (template is None) is (file is None):
        raise click.UsageError("give the name of a TEMPLATE, or --from-json FILE")
    if file is not None:
        variables = fields.pop("variables")
        others = [name for name, value in fields.items() if value not in (None, (), False)]
        if others:
            raise click.UsageError("with --from-json the file says what stands in the message: no options but --var")
        overrides = {"alert_type": alert_type, "title": title}
        message = message_of_json(
            file, {name: value for name, value in overrides.items() if value is not None}, variables
        )
    else:
        given = {"alert_type": alert_type, "title": title, "template": template}
        message = given_message(_with_example(fields | given))
    show_preview(message, as_json=as_json, open_page=open_page)


def _with_example(given: dict[str, Any]) -> dict[str, Any]:
    if given["variables"]:
        return given
    from notifier.templates import load_template  # imports Jinja: --help need not

    return {**given, "context": load_template(given["template"]).example}


def show_preview(message: NotificationMessage, *, as_json: bool, open_page: bool) -> None:
    """Print what would be posted of a message, or show it in a browser too."""
    from notifier.operations.preview import preview as preview_of  # imports the renderer: --help need not
    from notifier.operations.preview import preview_as_json
    from notifier.settings import settings

    found = preview_of(message, settings(), datetime.now(UTC))
    if as_json:
        print_json(preview_as_json(found))
    else:
        _print(found)
    if open_page:
        from notifier.cli.preview_page import show_page

        show_page(found)


def _print(found: "Preview") -> None:
    from notifier.drawing import draw

    for number, part in enumerate(found.parts, 1):
        if found.parts[1:]:
            echo(f"Message {number} of {len(found.parts)}")
        draw(part.payload, sys.stdout)
        rows = [(each.part, f"{each.size:,}", f"{each.limit:,}", each.unit) for each in _shown(part.sizes)]
        print_table("", ["part", "size", "limit", "in"], rows)
    for name, value in _told(found).items():
        echo(f"{name}: {value}")


def _shown(sizes: "Sequence[Size]") -> "list[Size]":
    """All but those of the single fields, of which the one that is nearest to its limit."""
    fullest = max(
        (each for each in sizes if ".fields." in each.part), key=lambda each: each.size / each.limit, default=None
    )
    return [each for each in sizes if ".fields." not in each.part or each is fullest]


def _told(found: "Preview") -> Mapping[str, str]:
    route = found.route
    webhook = f"{route.webhook_variables[0]} ({found.webhook_id or 'not set here'})"
    thread = f", thread {found.thread_id}" if found.thread_id else ""
    told = {
        "route": f"{route.alert_type} by {route.task} on {route.queue} to {webhook}{thread}",
        "pings": " ".join(found.mentions) or "nobody",
        "quiet hours": found.quiet,
        "masked": ", ".join(found.masked),
        "left out": ", ".join(found.left_out) and f"{', '.join(found.left_out)}: Discord does not take them",
        "adjusted": "; ".join(found.adjusted),
    }
    return {name: value for name, value in told.items() if value}
