"""The command line: ``notifier …``."""

import os
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click

from notifier.cli.help_page import with_fitting_help
from notifier.cli.terminal import printable, take_any_character
from notifier.errors import NotifierError
from notifier.escaping import escaped
from notifier.extras import install_hint, missing
from notifier.version import VERSION

OF_SIGNAL = 128
"""Added to a signal's number: the exit code of what it ended, as a shell has it."""
COMMANDS = {
    "demo": "watch alerts arrive in a local Discord, on a Redis of its own",
    "up": "a Redis, a local Discord, a worker and dashboards on this machine",
    "send": "raise one alert",
    "preview": "what would be posted",
    "templates": "list, show and check templates",
    "check": "is everything configured, and does it work?",
    "live": "do the workers of this machine move? for probes",
    "ready": "do they take alerts? for probes",
    "history": "what became of the alerts",
    "explain": "the life of one alert",
    "waiting": "what waits, why, until when",
    "metrics": "counts and times, as Prometheus reads them",
    "incidents": "what is wrong now",
    "ack": "somebody takes care of an incident",
    "silence": "keep alerts away for a while",
    "withdraw": "take alerts back that wait",
    "dead": "list, show, replay and drop dead letters",
    "gate": "what holds a webhook back; reset it",
    "spool": "alerts on this machine's disk",
    "job": "run a command as a job; forget a job",
    "jobs": "the jobs that are known",
    "sandbox": "a local Discord",
    "intake": "take alerts by HTTP",
    "web": "the operator's page",
    "completion": "what makes a shell complete commands",
}
"""What each is for, in the words of docs/cli.md. Each is a module of its own."""

NEEDED_EXTRAS = {
    "demo": ("demo",),
    "up": ("demo", "flower", "web"),
    "sandbox": ("demo",),
    "intake": ("intake",),
    "web": ("web",),
    "metrics": ("metrics",),
    "templates": ("templates",),
}
"""Extras by command; every other command works in the base installation."""


class _Commands(click.Group):
    """Loads a command's module when it is called: ``--help`` need not import Celery."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        if lacking := missing(*NEEDED_EXTRAS.get(cmd_name, ())):
            return _not_installed(cmd_name, install_hint(f"notifier {cmd_name}", *lacking))
        module = __import__(f"notifier.cli.{cmd_name}", fromlist=[cmd_name])
        command: click.Command = getattr(module, cmd_name)
        command.short_help = COMMANDS[cmd_name]
        return with_fitting_help(command)

    def main(self, *args: Any, **more: Any) -> Any:
        take_any_character()
        return super().main(*args, **more)

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        with _errors():
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> Any:
        with _errors():
            return super().invoke(ctx)


@contextmanager
def _errors() -> Iterator[None]:
    """Errors say what they say in text that a terminal may print; a bug too, which otherwise Python would print."""
    try:
        yield
    except NotifierError as error:
        raise click.ClickException(_told(f"{error} [{error.reason}]")) from None
    except click.ClickException as error:
        vars(error)["message"] = _told(error.message)  # declared as final
        raise
    except click.exceptions.Exit:
        raise
    except click.Abort as error:  # of a question; click has hidden what it was
        if not isinstance(error.__context__, KeyboardInterrupt):
            raise
        _interrupted()
    except KeyboardInterrupt:
        _interrupted()
    except BrokenPipeError:  # who reads has read enough
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python tells of it at its end
        raise SystemExit(OF_SIGNAL + signal.SIGPIPE) from None
    except Exception as error:
        click.echo(_told(_unexpected(error)), err=True, nl=False)
        raise SystemExit(1) from None


def _unexpected(error: Exception) -> str:
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":  # an argument is no text
        return f"Error: no text in UTF-8: {error.object!a}\n"
    return traceback.format_exc()


def _told(text: str) -> str:
    return printable(escaped(text), sys.stderr)


def _interrupted() -> None:
    # the terminal has shown ^C
    click.echo("\ninterrupted" if sys.stderr.isatty() else "interrupted", err=True)
    raise SystemExit(OF_SIGNAL + signal.SIGINT) from None


def _not_installed(name: str, hint: str) -> click.Command:
    """Stands in for a command whose extra is missing: any call of it fails with ``hint``, exit code 1."""

    def tell() -> None:
        raise click.ClickException(hint)

    settings: dict[str, Any] = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(
        name, callback=tell, help=hint, short_help=f"{COMMANDS[name]} (not installed)", context_settings=settings
    )


@with_fitting_help
@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="notifier")
def main() -> None:
    """Alerts that reach their Discord channel: once, whole, as soon as Discord allows.

    \b
    Examples:
      notifier demo                      # watch 106 alerts arrive in a local Discord
      notifier up                        # a sandbox, a worker and two dashboards, until Ctrl-C
      notifier send error "Disk full" --message "/var is at 97 %"
      notifier check                     # does every webhook answer?
      notifier history --status failed --since 2h
    """
