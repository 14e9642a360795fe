"""``notifier up``: Redis, sandbox, worker, page and dashboard, until Ctrl-C."""

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from notifier.cli.output import echo, echo_as_is, json_option, print_json

if TYPE_CHECKING:
    from notifier.cli.stack import Stack

LOOK_SECONDS = 0.5
PORT = click.IntRange(0, 65_535)
EXAMPLE = 'notifier send general "System Update" -m "It works" --wait 10'


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".notifier"),
    show_default=True,
    help="Where Redis keeps its data, and the logs go.",
)
@click.option("--sandbox-port", default=8025, show_default=True, type=PORT)
@click.option("--web-port", default=8027, show_default=True, type=PORT, help="Of the operator's page.")
@click.option("--flower-port", default=5555, show_default=True, type=PORT)
@json_option
def up(folder: Path, sandbox_port: int, web_port: int, flower_port: int, as_json: bool) -> None:
    """Run Redis (unless REDIS_URL is set), a sandbox, a worker, the operator's page and Flower, until Ctrl-C.

    Posts to the real webhooks where any is configured (environment or .env), else to the sandbox. A folder has one
    stack at a time. A port may be 0: one that is free.

    \b
    Examples:
      notifier up
      notifier up --folder /var/tmp/try --sandbox-port 0 --json
      REDIS_URL=redis://localhost:6379/0 notifier up --sandbox-port 9025

    Exit code: 0 when it was stopped, 1 if it cannot start (a port is taken, the folder is in use) or a part has ended.
    """
    from notifier.cli.stack import Stack
    from notifier.settings import Settings

    configured = Settings.load()
    configured.refuse_wrong_webhooks()  # else the sandbox would take their place
    is_real = bool(configured.webhooks)
    ports = {"sandbox": (sandbox_port, "--sandbox-port"), "web": (web_port, "--web-port")}
    with Stack(folder.resolve()) as stack:
        addresses = _start(stack, ports | {"flower": (flower_port, "--flower-port")}, is_real)
        stopping: list[int] = []  # not an Event: its lock may be held by the very wait that the signal interrupts
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: stopping.append(number))
        stack.own.note(pid=os.getpid(), addresses=addresses)
        environment = stack.own.write_environment(_settings(stack.environment, is_real))
        if as_json:
            print_json({**addresses, "folder": str(stack.folder), "environment": str(environment), "pid": os.getpid()})
        else:
            _tell(addresses, environment, is_real)
        while not stopping:
            time.sleep(LOOK_SECONDS)
            _look_at(stack)
        if not as_json:
            echo("stopping ...")


def _start(stack: "Stack", ports: Mapping[str, tuple[int, str]], is_real: bool) -> dict[str, str]:
    """Start all parts; their addresses once all of them listen."""
    from notifier.cli.stack import FLOWER_READY, READY, WEB_READY, free_port, refuse_taken
    from notifier.cli.starting import starting

    for port in ports.values():  # before anything is started
        refuse_taken(*port)
    flower = ports["flower"][0] or free_port()  # it does not say which it has taken
    stack.keep_settings()
    with starting() as tell:
        tell("Redis")
        stack.redis()
        tell("the sandbox")
        sandbox = stack.sandbox(ports["sandbox"][0], adopt=not is_real)
        tell("a worker, the operator's page and Flower")
        worker, dashboard = stack.begin_worker(), stack.begin_flower(flower)
        page = stack.begin_web(ports["web"][0]).wait_for(WEB_READY)[1]
        worker.wait_for(READY)
        dashboard.wait_for(FLOWER_READY)
    return {"sandbox": sandbox, "web": page, "flower": f"http://127.0.0.1:{flower}"}


def _look_at(stack: "Stack") -> None:
    from notifier.cli.processes import ProcessFailed

    for process in stack.processes.values():
        if not process.running:
            raise ProcessFailed(f"{process.name} ended with code {process.exit_code}:\n{process.tail()}")


def _tell(addresses: Mapping[str, str], environment: Path, is_real: bool) -> None:
    import shlex

    unused = "  (not used: your real webhooks are configured)" if is_real else ""
    echo(f"Sandbox:  {addresses['sandbox']}{unused}")
    echo(f"Page:     {addresses['web']}")
    echo(f"Flower:   {addresses['flower']}")
    echo_as_is(f"Logs:     {environment.parent}")
    echo("\nRaise alerts from another terminal:")
    echo_as_is(f"  source {shlex.quote(str(environment))}\n  {EXAMPLE}")
    if is_real:
        echo(
            "Your webhooks are not in that file: what asks Discord itself, as notifier check, needs them set there too."
        )
    echo("\nCtrl-C ends all of it.")


def _settings(environment: Mapping[str, str], is_real: bool) -> dict[str, str]:
    """What another terminal needs: this Redis, what else is set, and the sandbox's webhooks.

    No real one, and no password of the page: they stay where they are. To raise an alert needs none.
    """
    return {name: value for name, value in environment.items() if _is_for_others(name, is_real)}


def _is_for_others(name: str, is_real: bool) -> bool:
    if name.startswith("DISCORD_WEBHOOK_"):
        return not is_real or name.endswith("_FILE")
    return name.startswith(("REDIS_URL", "NOTIFIER_", "DISCORD_")) and not name.startswith("NOTIFIER_WEB_")
