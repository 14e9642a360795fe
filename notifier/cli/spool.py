"""``notifier spool``: alerts kept on this machine's disk while Redis was away."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from notifier.cli.output import echo, json_option, moment, print_json, print_table, progress_bar
from notifier.cli.table import Whole
from notifier.counting import counted

if TYPE_CHECKING:
    from notifier.producer.spool import Spool

WAIT_SECONDS = 0.5


@click.group()
def spool() -> None:
    """Alerts on this machine's disk (NOTIFIER_SPOOL_DIR): Redis was away when they were raised.

    \b
    Examples:
      notifier spool list
      notifier spool flush
    """


@spool.command("list")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@json_option
def list_spooled(limit: int, as_json: bool) -> None:
    """Show what is spooled, oldest first.

    \b
    Examples:
      notifier spool list --limit 10
    """
    found = _spool().list(limit)
    if as_json:
        print_json(
            [{"id": each.id, "alert_type": each.alert_type, "spooled_at": _at(each.spooled_at)} for each in found]
        )
    elif found:
        rows = [(moment(_at(each.spooled_at)), each.alert_type, Whole(each.id)) for each in found]
        print_table("Spooled", ["spooled (UTC)", "type", "id"], rows)
    else:
        echo("nothing is spooled")


@spool.command()
@json_option
def flush(as_json: bool) -> None:
    """Submit all spooled alerts, in order; if an outbox is full, wait for room. Ctrl-C stops cleanly.

    \b
    Examples:
      notifier spool flush
      NOTIFIER_SPOOL_DIR=/var/spool/notifier notifier spool flush --json

    Exit code: 0 all of it, 1 some could not be read, 130 interrupted.
    """
    import time

    from notifier.pipeline import client_pipeline  # imports Celery: --help need not
    from notifier.producer.spool import Spooled

    disk, publisher = _spool(), client_pipeline().publisher
    handed_over = 0
    with progress_bar("handing over", disk.count(readable=False), quiet=as_json) as advance:

        def hand_over(each: Spooled) -> None:
            nonlocal handed_over
            publisher.submit_spooled(each)
            handed_over += 1
            advance()

        why, code = "this version cannot read them", 1
        try:
            while disk.flush(hand_over):
                time.sleep(WAIT_SECONDS)
        except KeyboardInterrupt:
            why, code = "interrupted", 130
    left = disk.count(readable=False)
    if as_json:
        print_json({"handed_over": handed_over, "left": left})
    else:
        echo(f"{counted(handed_over, 'alert')} handed over" + (f", {left} left: {why}" if left else ""))
    if left:
        raise SystemExit(code)


def _spool() -> "Spool":
    from notifier.errors import ConfigurationError
    from notifier.producer.spool import Spool
    from notifier.settings import settings

    folder = settings().spool_dir
    if folder is None:
        raise ConfigurationError("NOTIFIER_SPOOL_DIR is not set: nothing is spooled here")
    return Spool(folder, settings().spool_max, bytes_max=settings().spool_bytes_max)


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
