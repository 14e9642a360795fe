"""``notifier send``: raise one alert."""

from typing import Any

import click

from notifier.cli.output import echo, json_option, pairs, print_json
from notifier.errors import InvalidMessage, NotifierError
from notifier.models import AlertType, NotificationMessage, Severity


@click.command()
@click.argument("alert_type", type=click.Choice([kind.value for kind in AlertType]), required=False)
@click.argument("title", required=False)
@click.option("-m", "--message", default="", help="The text below the title.")
@click.option("--field", "fields", multiple=True, metavar="NAME=VALUE", help="A detail; repeat for more.")
@click.option("--severity", type=click.Choice([severity.value for severity in Severity]))
@click.option("--color", help="0 to 16777215, '#rrggbb', or a name such as green.")
@click.option("--source", help="The service that raises the alert.")
@click.option("--url", help="Where the title links to.")
@click.option("--mention", "mentions", multiple=True, help="'<@user id>', '<@&role id>', '@here', '@everyone'.")
@click.option("--id", "notification_id", help="Your own id: the same id is never sent twice.")
@click.option("-t", "--template", help="Use a template instead of TITLE and --message.")
@click.option("--set", "variables", multiple=True, metavar="NAME=VALUE", help="A template's variable; repeat for more.")
@click.option("--wait", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait for the outcome.")
@json_option
def send(
    alert_type: str | None,
    title: str | None,
    template: str | None,
    variables: tuple[str, ...],
    wait: float | None,
    as_json: bool,
    **fields: Any,
) -> None:
    """Raise one alert.

    \b
    Examples:
      notifier send general "System Update" -m "The system has been successfully updated"
      notifier send error "Disk full" --field "Mount=/var" --field "Used=97 %" --wait 10
      notifier send -t tracklist_generated --set recording="Artist - Mix Title" --set tracks=15

    Exit code: 0 queued (or, with --wait, delivered), 1 otherwise.
    """
    from notifier.pipeline import client_pipeline  # imports Celery: --help need not
    from notifier.service import DiscordNotificationService

    message = _message(alert_type, title, template, pairs("--set", variables), fields)
    result = DiscordNotificationService(client_pipeline().settings).send_and_wait(message, wait)
    if as_json:
        print_json(result.model_dump(mode="json"))
    else:
        said = f"{result.status} {result.id}" + (f" as message {result.message_id}" if result.message_id else "")
        echo(said + (f": {result.error}" if result.error else ""))
    if not result.success:
        raise SystemExit(1)


def _message(
    alert_type: str | None, title: str | None, template: str | None, variables: dict[str, str], given: dict[str, Any]
) -> NotificationMessage:
    fields = {name: value for name, value in given.items() if value}
    if "fields" in fields:
        fields["fields"] = pairs("--field", fields["fields"])
    if notification_id := fields.pop("notification_id", None):
        fields["id"] = notification_id
    if alert_type:
        fields["alert_type"] = alert_type
    if template:
        from notifier.settings import settings
        from notifier.templates import render_template

        if title:
            fields["title"] = title
        return render_template(template, templates_dir=settings().templates_dir, overrides=fields, **variables)
    if not alert_type or not title:
        raise click.UsageError("give ALERT_TYPE and TITLE, or a --template")
    try:
        return NotificationMessage(title=title, **fields)
    except InvalidMessage as error:
        raise NotifierError(str(error)) from None
