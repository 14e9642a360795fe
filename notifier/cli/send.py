"""``notifier send``: raise one alert."""

from typing import Any

import click

from notifier.cli.completion import template_name
from notifier.cli.given_message import STDIN, given_message, message_options
from notifier.cli.output import echo, json_option, print_json, warn
from notifier.cli.preview import open_option, show_preview
from notifier.models import AlertType, NotificationMessage
from notifier.notification_result import NotificationResult
from notifier.outbox.record import SUCCESSFUL
from notifier.outcome import NEVER_STORED, Status

WITHOUT_A_MESSAGE = SUCCESSFUL - {Status.DELIVERED}
"""What is final as soon as it is raised."""


@click.command()
@click.argument("alert_type", metavar="[TYPE]", type=click.Choice([kind.value for kind in AlertType]), required=False)
@click.argument("title", required=False)
@click.argument("text", metavar="[MESSAGE|-]", required=False)
@message_options
@click.option("-t", "--template", shell_complete=template_name, help="Use a template instead of TITLE and MESSAGE.")
@click.option("--dry-run", is_flag=True, help="Show what would be posted, and send nothing.")
@open_option
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Wait for the outcome.",
)
@json_option
def send(
    alert_type: str | None,
    title: str | None,
    text: str | None,
    dry_run: bool,
    open_page: bool,
    wait: float | None,
    as_json: bool,
    **fields: Any,
) -> None:
    """Raise one alert of the TYPE general, error, critical, tracklist, monitoring or security.

    \b
    Examples:
      notifier send general "System Update" "The system has been successfully updated"
      notifier send error "Disk full" --field "Mount=/var" --field "Used=97 %" --wait 10
      pg_dump shop >shop.sql 2>errors.log || tail errors.log | notifier send error "Backup failed" -
      notifier send error "Render failed" --file render.log --image frame.png --author Farm --silent
      notifier send -t tracklist_generated --set recording="Artist - Mix Title" --set tracks=15
      notifier send critical "Payments are down" --mention @here --dry-run
      notifier send error "Disk full" --dedup-key disk-db1          # and later, when it is over:
      notifier send error --dedup-key disk-db1 --resolved

    While it waits, standard error says what for. A file or picture that cannot be read is left out, and told.

    Exit code: 0 queued (or, with --wait, delivered), or told by no message of its own (repeated, silenced, folded, no
    incident to resolve); 1 otherwise: with --wait also if it still waits then, or is spooled; 130 interrupted while it
    waited.
    """
    names_incident = alert_type and fields["dedup_key"] and (fields["update"] or fields["resolved"])
    if title == STDIN:  # its first line is the title
        if text is not None or fields["message"] is not None:
            raise click.UsageError("TITLE: '-' reads all of the alert from standard input; give no MESSAGE beside it")
        title, text = None, STDIN
    if text is not None and fields["message"] is not None:
        raise click.UsageError("MESSAGE and --message: give one of them")
    is_told = alert_type and (title is not None or text or fields["message"])
    if not is_told and not fields["template"] and not names_incident:
        raise click.UsageError("give TYPE and TITLE (or a message), or a --template")
    if open_page and not dry_run:
        raise click.UsageError("--open needs --dry-run")
    given = {"alert_type": alert_type, "title": title} | ({} if text is None else {"message": text})
    message = given_message(fields | given)
    if dry_run:
        show_preview(message, as_json=as_json, open_page=open_page)
    else:
        _send(message, wait, as_json=as_json)


def _send(message: NotificationMessage, wait: float | None, *, as_json: bool) -> None:
    from notifier.cli.waiting_line import WaitingLine
    from notifier.pipeline import client_pipeline  # imports Celery: --help need not
    from notifier.service import DiscordNotificationService, result_of

    service = DiscordNotificationService(client_pipeline().settings)
    try:
        with WaitingLine(client_pipeline(), message) as line:
            result = service.send_and_wait(message, wait, line.update)
    except KeyboardInterrupt:
        warn(f"Interrupted. What is queued is delivered all the same; see: notifier explain {message.id}")
        raise SystemExit(130) from None
    if result.status == Status.QUEUED and wait is not None:
        result = result.model_copy(update={"error": "; ".join(filter(None, (result.error, line.last)))})
    if result.status == Status.QUEUED and wait is None:
        found = client_pipeline().records.get(message.id)
        result = result_of(found) if found and found["status"] in WITHOUT_A_MESSAGE else result
    if as_json:
        print_json(_as_json(message, result))
    else:
        said = f"{result.status} {result.id}" + (f" as message {result.message_id}" if result.message_id else "")
        error = (result.error or "").removeprefix(f"alert {result.id} is queued: ")  # which is said already
        echo(said + (f": {error}" if error else ""))
    still_here = wait is not None and result.status == Status.SPOOLED
    if still_here or (not result.success and result.status not in WITHOUT_A_MESSAGE):
        raise SystemExit(1)


def _as_json(message: NotificationMessage, result: NotificationResult) -> dict[str, Any]:
    """The result, and of what is final its record, as ``notifier history`` has it."""
    from notifier.pipeline import client_pipeline

    told = result.model_dump(mode="json") | {"alert_type": message.alert_type, "title": message.title}
    told["timestamp"] = result.timestamp.isoformat(timespec="microseconds")  # as all others
    record = None if result.status in NEVER_STORED else client_pipeline().records.get(message.id)
    return told | dict(record or {})
