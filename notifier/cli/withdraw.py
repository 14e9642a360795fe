"""``notifier withdraw``: take alerts back that wait."""

from typing import Any

import click

from notifier.cli.author import author_of, author_options, note
from notifier.cli.completion import waiting_id
from notifier.cli.given_id import alert_id
from notifier.cli.output import echo, json_option, print_json


@click.command()
@click.argument("ids", metavar="ID...", nargs=-1, required=True, shell_complete=waiting_id)
@author_options
@json_option
def withdraw(ids: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Withdraw alerts that wait: they are not sent, and the history has them as withdrawn.

    \b
    Examples:
      notifier withdraw 5f0c7c1e                  # the beginning of an id is enough
      notifier withdraw deploy-41 deploy-42 --json

    Exit code: 0 all of them, 1 some were not: too_late (under way), already_withdrawn, completed (final before),
    not_found.
    """
    from notifier.outbox.withdrawals import Withdrawal, in_words
    from notifier.pipeline import client_pipeline  # imports Celery: --help need not

    author, pipeline = author_of(given), client_pipeline()
    came_to = pipeline.withdraw([alert_id(each) for each in ids], str(author))
    for notification_id, result in came_to.items():
        if result is Withdrawal.WITHDRAWN:
            note(author, "alert.withdraw", notification_id)
    if as_json:
        print_json(came_to)
    else:
        for notification_id, result in came_to.items():
            ended = pipeline.records.get(notification_id) if result is Withdrawal.COMPLETED else None
            echo(f"{notification_id}: {in_words(result, ended)}")
    raise SystemExit(any(result is not Withdrawal.WITHDRAWN for result in came_to.values()))
