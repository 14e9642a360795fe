"""``notifier check``: whether everything is configured and works."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from notifier.cli.output import echo, json_option, print_json, print_table
from notifier.counting import counted
from notifier.errors import ConfigurationError
from notifier.models import AlertType

if TYPE_CHECKING:
    from notifier.operations.checks import CheckReport, WebhookCheck
    from notifier.operations.health import Health
    from notifier.operations.outboxes import OutboxState
    from notifier.operations.redis_server import RedisServer
    from notifier.settings import Settings


@click.command()
@json_option
def check(as_json: bool) -> None:
    """Look at everything: settings, Redis, each webhook, workers, outboxes, spool, templates. Posts nothing.

    \b
    Examples:
      notifier check
      notifier check --json

    Exit code: 0 alerts of all types that have a webhook are delivered (there may be warnings); 1 there is a problem.
    """
    from notifier.pipeline import client_pipeline  # imports Celery: --help need not

    try:
        pipeline = client_pipeline()
    except ConfigurationError as error:
        if not as_json:
            raise
        print_json(_unreadable_settings(error))
        raise SystemExit(1) from None
    health, settings = pipeline.health(), pipeline.settings
    now = datetime.now(UTC)
    mentions = {kind.value: list(pings) for kind, pings in settings.mentions_by_type.items()}
    if as_json:
        print_json({**health.as_json(), "mentions": mentions, "quiet_hours": _quiet(settings, now)})
    else:
        _print_text(health, mentions, _quiet(settings, now), now)
    raise SystemExit(1 if health.problems else 0)


def _unreadable_settings(error: ConfigurationError) -> dict[str, object]:
    """Nothing else can be looked at."""
    return {"ok": False, "problems": [str(error)], "warnings": [], "settings": {"ok": False, "problem": str(error)}}


def _quiet(settings: "Settings", now: datetime) -> dict[str, str]:
    from notifier.outbox.quiet import quiet_told

    return {kind.value: told for kind in AlertType if (told := quiet_told(settings.quiet_hours_of(kind), now))}


def _print_text(health: "Health", mentions: Mapping[str, list[str]], quiet: Mapping[str, str], now: datetime) -> None:
    report = health.report
    echo(f"Redis: {report.redis or 'answers'}")
    if health.seen.server is not None:
        echo(_told_of(health.seen.server))
    print_table(
        "Webhooks",
        ["type", "variable", "webhook", "name", "channel", "state"],
        [
            (*(each.partition, each.variable, each.webhook_id, each.name, each.channel_id), _state(each))
            for each in report.webhooks
        ],
    )
    for kind, pings in mentions.items():
        echo(f"Alerts of the type {kind} ping {' '.join(pings)}")
    for kind, told in quiet.items():
        echo(f"Quiet hours: alerts of the type {kind} are {told}")
    _print_workers(report)
    _print_outboxes(health.seen.outboxes, now)
    if health.spool is not None and health.spool.problem is None:
        echo(f"Spool: {counted(health.spool.count, 'alert')} in {health.spool.folder}")
    for each in health.problems:
        echo(f"Problem: {each}")
    for each in health.warnings:
        echo(f"Warning: {each}")
    counts = ", ".join(filter(None, (_counted(health.problems, "problem"), _counted(health.warnings, "warning"))))
    echo(counts or "All is well.")


def _counted(found: "list[str]", name: str) -> str:
    return counted(len(found), name) if found else ""


def _told_of(server: "RedisServer") -> str:
    """One line: where it is, and what of it matters."""
    from notifier.operations.redis_server import CLOCK_SECONDS

    parts: Iterator[str | None] = iter((
        server.address,
        server.version and f"version {server.version}",
        server.role,
        server.eviction_policy,
        {True: "appendonly", False: "not appendonly", None: None}[server.appendonly],
        f"clock {-server.clock_ahead_seconds:+.1f} s" if abs(server.clock_ahead_seconds) > CLOCK_SECONDS else None,
    ))  # fmt: skip
    return f"  {'; '.join(filter(None, parts))}"


def _print_workers(report: "CheckReport") -> None:
    served: dict[str, list[str]] = {}
    for each in report.fleet:
        if not each.holding.number:
            served.setdefault(each.holding.worker, []).append(each.holding.alert_type)
    for worker, kinds in served.items():
        echo(f"Worker {worker}: {'all types' if len(kinds) == len(AlertType) else ', '.join(kinds)}")
    if not report.disagreements:
        return
    print_table(
        "Workers that hold different webhooks",
        ["type", "worker", "webhook", "fingerprint of its URL", "state"],
        [
            (
                *(each.holding.partition, each.holding.worker, each.holding.webhook_id),
                *(each.holding.fingerprint, each.problem or "usable"),
            )
            for each in report.fleet
            if each.holding.alert_type in report.disagreements
        ],
    )


def _print_outboxes(found: "Iterable[OutboxState]", now: datetime) -> None:
    from notifier.render.notes import duration

    def age(at: str | None) -> str:
        return duration(max(0.0, (now - datetime.fromisoformat(at)).total_seconds())) if at else ""

    rows = [
        (each.alert_type, each.waiting, age(each.oldest_at), each.why or "", (each.until or "")[11:19])
        for each in found
        if each.waiting
    ]
    if rows:
        print_table("Outboxes", ["type", "waiting", "oldest", "waits for", "until (UTC)"], rows)


def _state(found: "WebhookCheck") -> str:
    return found.problem or "; ".join(["answers", *found.holds])
