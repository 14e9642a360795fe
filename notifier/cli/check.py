"""``notifier check``: whether everything is configured and works."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from notifier.cli.output import echo, json_option, print_json, print_table
from notifier.models import AlertType

if TYPE_CHECKING:
    from notifier.operations.checks import CheckReport, WebhookCheck


@click.command()
@json_option
def check(as_json: bool) -> None:
    """Ask Redis and every webhook whether they answer, the workers what they hold; read the templates. Posts nothing.

    \b
    Examples:
      notifier check
      notifier check --json

    Exit code: 0 all that is configured works, templates included, workers read the queues of all types that have a
    webhook, and hold the same webhooks; 1 otherwise.
    """
    from notifier.operations.template_check import template_problems
    from notifier.outbox.quiet import quiet_told
    from notifier.pipeline import client_pipeline  # imports Celery: --help need not

    settings = client_pipeline().settings
    report = client_pipeline().check()
    now = datetime.now(UTC)
    quiet = {kind.value: told for kind in AlertType if (told := quiet_told(settings.quiet_hours_of(kind), now))}
    mentions = {kind.value: list(pings) for kind, pings in settings.mentions_by_type.items()}
    templates = template_problems(settings)
    (_print_json if as_json else _print_text)(report, settings.warnings, mentions, quiet, templates)
    well = report.valid and report.healthy and not (report.disagreements or report.unserved or templates)
    raise SystemExit(0 if well else 1)


def _print_json(
    report: "CheckReport",
    warnings: Sequence[str],
    mentions: Mapping[str, list[str]],
    quiet: Mapping[str, str],
    templates: Mapping[str, str],
) -> None:
    print_json(
        {
            "valid": report.valid,
            "healthy": report.healthy,
            "redis": report.redis,
            "redis_warnings": report.redis_warnings,
            "webhooks": [asdict(each) for each in report.webhooks],
            "workers": [{**asdict(each.holding), "problem": each.problem} for each in report.fleet],
            "disagreements": report.disagreements,
            "unserved": report.unserved,
            "machines": [asdict(each) for each in report.machines],
            "mentions": mentions,
            "quiet_hours": quiet,
            "templates": templates,
            "warnings": warnings,
        }
    )


def _print_text(
    report: "CheckReport",
    warnings: Sequence[str],
    mentions: Mapping[str, list[str]],
    quiet: Mapping[str, str],
    templates: Mapping[str, str],
) -> None:
    echo(f"Redis: {report.redis or 'answers'}")
    for each in report.redis_warnings:
        echo(f"Warning: {each}")
    print_table(
        "Webhooks",
        ["type", "variable", "webhook", "name", "channel", "state"],
        [
            (*(each.alert_type, each.variable, each.webhook_id, each.name, each.channel_id), _state(each))
            for each in report.webhooks
        ],
    )
    for each in filter(None, (each.wrong for each in report.webhooks)):
        echo(each)
    for kind, pings in mentions.items():
        echo(f"Alerts of the type {kind} ping {' '.join(pings)}")
    for kind, told in quiet.items():
        echo(f"Quiet hours: alerts of the type {kind} are {told}")
    _print_workers(report)
    for fault in report.machines:
        echo(f"The worker's machine {fault.machine} cannot reach Discord: {fault.reason}: {fault.detail}")
    for each in templates.values():
        echo(f"Template: {each}")
    for each in warnings:
        echo(f"Warning: {each}")


def _print_workers(report: "CheckReport") -> None:
    if report.unserved:
        which = ", ".join(report.unserved) if report.fleet else "any type"
        echo(f"No worker delivers alerts of {which}; they wait until one is started: celery -A notifier worker")
    if not report.disagreements:
        return
    print_table(
        "Workers that hold different webhooks",
        ["type", "worker", "webhook", "fingerprint of its URL", "state"],
        [
            (
                *(each.holding.alert_type, each.holding.worker, each.holding.webhook_id),
                *(each.holding.fingerprint, each.problem or "usable"),
            )
            for each in report.fleet
            if each.holding.alert_type in report.disagreements
        ],
    )


def _state(found: "WebhookCheck") -> str:
    return found.problem or "; ".join(["answers", *found.holds])
