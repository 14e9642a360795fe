"""``notifier up``: Redis, sandbox, worker and dashboard, until Ctrl-C."""

import shlex
import signal
import sys
import time
from pathlib import Path

import click

from notifier.cli.output import echo
from notifier.cli.processes import ProcessFailed
from notifier.cli.stack import Stack

LOOK_SECONDS = 0.5


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".notifier"),
    show_default=True,
    help="Where Redis keeps its data, and the logs go.",
)
@click.option("--sandbox-port", default=8025, show_default=True, type=click.IntRange(0, 65_535))
@click.option("--flower-port", default=5555, show_default=True, type=click.IntRange(1, 65_535))
def up(folder: Path, sandbox_port: int, flower_port: int) -> None:
    """Run Redis (unless REDIS_URL is set), a sandbox, a worker and Flower, until Ctrl-C.

    Posts to the real webhooks where any is configured (environment or .env), else to the sandbox.

    \b
    Examples:
      notifier up
      REDIS_URL=redis://localhost:6379/0 notifier up --sandbox-port 9025
    """
    from notifier.settings import Settings

    configured = Settings.load()
    configured.refuse_wrong_webhooks()  # else the sandbox would take their place
    stopping: list[int] = []  # not an Event: its lock may be held by the very wait that the signal interrupts
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: stopping.append(number))
    with Stack(folder.resolve()) as stack:
        real = bool(configured.webhooks)
        stack.keep_settings()
        redis_url = stack.redis()
        address = stack.sandbox(sandbox_port, adopt=not real)
        stack.worker()
        dashboard = stack.flower(flower_port)
        echo(f"Sandbox:  {address}" + ("  (not used: your real webhooks are configured)" if real else ""))
        echo(f"Flower:   {dashboard}")
        echo(f"Logs:     {stack.folder}")
        echo("\nRaise alerts from another terminal:")
        if not real:
            echo(f"  source {_settings_file(stack)}    # this Redis, and the sandbox's webhooks")
        elif stack.processes.get("redis"):
            echo(f"  export REDIS_URL={redis_url}")
        echo('  notifier send general "System Update" -m "It works" --wait 10')
        echo("\nCtrl-C ends all of it.")
        while not stopping:
            time.sleep(LOOK_SECONDS)
            for process in stack.processes.values():
                if not process.running:
                    raise ProcessFailed(f"{process.name} ended with code {process.exit_code}:\n{process.tail()}")
        echo("stopping …")


def _settings_file(stack: Stack) -> Path:
    """A file with the settings of this stack, for another terminal to ``source``."""
    names = sorted(name for name in stack.environment if name.startswith(("REDIS_URL", "DISCORD_", "NOTIFIER_")))
    commands = shlex.quote(str(Path(sys.executable).parent))
    file = stack.folder / "environment"
    file.touch(mode=0o600)
    file.chmod(0o600)  # it may be there already, of any mode
    lines = [f"export {name}={shlex.quote(stack.environment[name])}\n" for name in names]
    file.write_text("".join([*lines, f"export PATH={commands}:$PATH\n"]))
    return file
