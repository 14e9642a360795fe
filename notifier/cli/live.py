"""``notifier live``: whether the workers of this machine move."""

from collections.abc import Callable

import click

from notifier.cli.echo import echo, json_option, print_json
from notifier.environment import environment, plain
from notifier.pulse import Pulse, pulse_folder, read_pulses

worker_option = click.option("--worker", help="Only the worker with this name of Celery's, such as mail@host1.")


@click.command()
@worker_option
@json_option
def live(worker: str | None, as_json: bool) -> None:
    """Say whether the workers of this user on this machine run, and their loops move. Asks no Redis.

    For containers and probes: a worker that only waits for Redis lives, and a restart would not help it.

    \b
    Examples:
      notifier live
      notifier live --worker mail@host1 --json

    Exit code: 0 there is a worker, and each one moves; 1 otherwise.
    """
    tell("live", "lives", worker, lambda each: each.stuck, as_json=as_json)


def tell(word: str, well: str, worker: str | None, problem: Callable[[Pulse], str], *, as_json: bool) -> None:
    """Print one line, or JSON, and exit. ``problem``: what keeps a worker from being ``word``; '' if nothing does."""
    # read without the settings: a probe runs every few seconds, and they take half a second of a processor
    folder = pulse_folder(plain(environment().get("NOTIFIER_RUN_DIR", "")))
    found = {each: problem(each) for each in read_pulses(folder) if worker in (None, each.worker)}
    is_well = bool(found) and not any(found.values())
    if as_json:
        told = [
            {"worker": each.worker, "pid": each.pid, "types": each.types, "problem": wrong or None}
            for each, wrong in found.items()
        ]
        print_json({word: is_well, "folder": str(folder), "workers": told})
    elif found:
        echo(
            "; ".join(f"{each.worker}: {wrong}" if wrong else f"{each.worker} {well}" for each, wrong in found.items())
        )
    else:
        echo(f"No worker {f'{worker} ' if worker else ''}of this user runs here: none has written to {folder}")
    raise SystemExit(0 if is_well else 1)
