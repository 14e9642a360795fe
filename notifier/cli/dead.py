"""``notifier dead``: list, show, replay and drop dead letters."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from notifier.cli.author import author_of, author_options
from notifier.cli.completion import dead_id
from notifier.cli.given_id import dead_letter_id
from notifier.cli.output import (
    Moment,
    echo,
    json_option,
    pairs,
    print_json,
    print_records,
    print_steps,
    progress_bar,
    type_option,
)
from notifier.cli.unreadable import unreadable
from notifier.counting import counted
from notifier.escaping import escaped_line
from notifier.models import AlertType
from notifier.outcome import Reason

if TYPE_CHECKING:
    from notifier.operations.audit import Author
    from notifier.operations.dead_letters import DeadLetters, Selection

ROOM_SECONDS = 0.5
"""Pause before a full outbox is tried again."""


def _selecting(command: Callable[..., Any]) -> Callable[..., Any]:
    reasons = [reason.value for reason in Reason]
    for option in (
        click.option("--until", type=Moment(), help="Dead not after: as --since."),
        click.option("--since", type=Moment(), help="Dead since 2026-01-31T12:00, or for at most 15m, 2h, 7d."),
        click.option("--reason", type=click.Choice(reasons), metavar="WORD", help="Only with this reason."),
        type_option,
    ):
        command = option(command)
    return command


@click.group()
def dead() -> None:
    """Dead letters: alerts that could not be delivered. List them, send them again, or drop them.

    Of an ID the beginning is enough, if no other begins so.

    \b
    Examples:
      notifier dead list --type security
      notifier dead show 5f0c7c1e
      notifier dead replay 5f0c7c1e
      notifier dead replay --reason webhook_quarantined --since 2h
      notifier dead drop --type tracklist --until 7d
      notifier dead unreadable
    """


dead.add_command(unreadable)


@dead.command("list")
@_selecting
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True)
@json_option
def list_dead(limit: int, as_json: bool, **wanted: Any) -> None:
    """Show the dead letters, newest first.

    \b
    Examples:
      notifier dead list --type security --since 24h
      notifier dead list --reason expired --json
    """
    records = _dead_letters().list(_selection(**wanted), limit)
    if as_json:
        print_json(records)
    elif records:
        print_records("Dead letters", records)
    else:
        echo("no dead letters")


@dead.command()
@click.argument("notification_id", metavar="ID", shell_complete=dead_id)
@json_option
def show(notification_id: str, as_json: bool) -> None:
    """Show one dead letter: its message, its attempts and its events.

    \b
    Examples:
      notifier dead show 5f0c7c1e
    """
    from notifier.operations.explain import steps_as_json
    from notifier.pipeline import client_pipeline

    record = _dead_letters().get(dead_letter_id(notification_id))
    steps = client_pipeline().explain(record["id"])
    if as_json:
        print_json({**record, "steps": steps_as_json(steps)})
        return
    message = record["message"]
    echo(f"{record['alert_type']}: {escaped_line(message['title'])}")
    if original := _dead_letters().original(record):
        echo(f"\nstored: {original}")
    if "given" in record:
        echo(f"\ngiven: {record['given']}")
    if message.get("message"):
        echo(f"\n{message['message']}")
    for detail in message.get("fields", []):
        echo(f"\n{detail['name']}: {detail['value']}")
    why = f" ({escaped_line(record['detail'])})" if record["detail"] else ""
    echo(f"\n{record['status']}: {record['reason']}{why}, after {counted(record['attempts'], 'attempt')}\n")
    print_steps(steps)


@dead.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, shell_complete=dead_id)
@_selecting
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("--set", "given", multiple=True, metavar="FIELD=VALUE", help="With this value (JSON: a list or mapping).")
@click.option("--unset", "left_out", metavar="FIELD", multiple=True, help="Without this field.")
@author_options
@json_option
def replay(
    ids: tuple[str, ...],
    everything: bool,
    given: tuple[str, ...],
    left_out: tuple[str, ...],
    as_json: bool,
    **wanted: Any,
) -> None:
    """Send dead letters again, as new alerts, oldest first; if an outbox is full, wait for room.

    One that was split goes on behind its parts that are posted, unless it is changed.
    Ctrl-C stops cleanly: what was not sent yet stays a dead letter.

    \b
    Examples:
      notifier dead replay 5f0c7c1e
      notifier dead replay --reason webhook_quarantined --since 2h
      notifier dead replay 5f0c7c1e --set title="Disk full" --unset titel

    Exit code: 0 all of them, 1 some could not be, 130 interrupted.
    """
    from notifier.errors import QueueFull

    author = author_of(wanted)
    _say_which(ids, everything, wanted)
    letters = _dead_letters()
    changes = {**dict.fromkeys(left_out), **{name: _value(text) for name, text in pairs("--set", given).items()}}
    replayed: list[dict[str, str]] = []

    def send(notification_id: str) -> None:
        while True:
            try:
                replayed.append({"id": notification_id, "as": letters.replay(notification_id, changes, author)})
                return
            except QueueFull:
                time.sleep(ROOM_SECONDS)

    chosen = _chosen(letters, ids, wanted)
    end = _each("replaying", chosen, send, as_json)
    _noted(author, "dead.replay", chosen, len(replayed))
    if as_json:
        print_json({"replayed": replayed, "failed": end.failed, "left": end.left})
    elif len(replayed) == 1 and not end.left:
        echo(f"queued again as {replayed[0]['as']}")
    else:
        echo(f"{counted(len(replayed), 'alert')} queued again{end.said}")
    raise SystemExit(end.exit_code)


@dead.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, shell_complete=dead_id)
@_selecting
@click.option("--all", "everything", is_flag=True, help="All of them.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@author_options
@json_option
def drop(ids: tuple[str, ...], everything: bool, yes: bool, as_json: bool, **wanted: Any) -> None:
    """Drop dead letters: they can no longer be replayed. Their records stay in the history.

    \b
    Examples:
      notifier dead drop 5f0c7c1e
      notifier dead drop --type tracklist --until 7d --yes

    Exit code: 0 all of them, 1 some could not be, 130 interrupted.
    """
    author = author_of(wanted)
    _say_which(ids, everything, wanted)
    letters = _dead_letters()
    chosen = _chosen(letters, ids, wanted)
    if chosen and not (yes or ids):
        click.confirm(f"Drop {counted(len(chosen), 'dead letter')}?", abort=True, err=True)
    end = _each("dropping", chosen, lambda each: letters.drop(each, author), as_json)
    _noted(author, "dead.drop", chosen, len(end.done))
    if as_json:
        print_json({"dropped": end.done, "failed": end.failed, "left": end.left})
    else:
        echo(f"{counted(len(end.done), 'dead letter')} dropped{end.said}")
    raise SystemExit(end.exit_code)


def _noted(author: "Author", action: str, chosen: Sequence[str], count: int) -> None:
    from notifier.operations.dead_actions import noted
    from notifier.pipeline import client_pipeline

    noted(client_pipeline().audit, author, action, chosen, count)


def _value(text: str) -> Any:
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, list | dict) else text


@dataclass(slots=True)
class _End:
    """How far a command came: ids done, ids that failed and why, and how many were not tried."""

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    left: int = 0
    interrupted: bool = False

    @property
    def said(self) -> str:
        """The failures, as text."""
        lines = "".join(f"\n{notification_id}: {why}" for notification_id, why in self.failed.items())
        return (f", {self.left} left" if self.left else "") + lines

    @property
    def exit_code(self) -> int:
        """0 if all succeeded, 130 if interrupted, else 1."""
        return 130 if self.interrupted else int(bool(self.left or self.failed))


def _each(title: str, ids: Sequence[str], act: Callable[[str], object], quiet: bool) -> _End:
    """Call ``act`` for each id, with a progress bar. A failure does not stop the others, unless Redis is away."""
    from notifier.errors import BrokerUnavailable, NotifierError

    end = _End(left=len(ids))
    with progress_bar(title, len(ids), quiet=quiet) as advance:
        try:
            for each in ids:
                try:
                    act(each)
                    end.done.append(each)
                except BrokerUnavailable as error:
                    end.failed[each] = str(error)
                    return end
                except NotifierError as error:
                    end.failed[each] = str(error)
                end.left -= 1
                advance()
        except KeyboardInterrupt:
            end.interrupted = True
    return end


def _say_which(ids: Sequence[str], everything: bool, wanted: dict[str, Any]) -> None:
    selects = any(value is not None for value in wanted.values())
    if sum((bool(ids), selects, everything)) != 1:
        raise click.UsageError("say which: IDs, or some of --type, --reason, --since, --until, or --all")


def _chosen(letters: "DeadLetters", ids: Sequence[str], wanted: dict[str, Any]) -> list[str]:
    if ids:
        return list(dict.fromkeys(letters.get(dead_letter_id(each))["id"] for each in ids))
    return [each["id"] for each in reversed(letters.list(_selection(**wanted)))]


def _selection(
    alert_type: str | None, reason: str | None, since: datetime | None, until: datetime | None
) -> "Selection":
    from notifier.operations.dead_letters import Selection

    return Selection(AlertType(alert_type) if alert_type else None, reason, since, until)


def _dead_letters() -> "DeadLetters":
    from notifier.pipeline import client_pipeline  # imports Celery: --help need not

    return client_pipeline().dead_letters
