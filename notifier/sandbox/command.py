"""The command that starts a sandbox."""

import asyncio
import json
import logging
import re
import sys
from typing import Any

import click

from notifier.sandbox.limits import BUCKET_WINDOW_SECONDS, LimitSettings, Mode
from notifier.sandbox.server import Server, serve

DEFAULT_PORT = 8025
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What a terminal obeys, and what reorders text or breaks lines; all but the line feed."""


class Plain(logging.Formatter):
    """Shows such characters, and indents all lines of a record but its first."""

    def format(self, record: logging.LogRecord) -> str:
        """As ``logging.Formatter``."""
        text = OBEYED.sub(lambda found: found[0].encode("unicode_escape").decode(), super().format(record))
        return text.replace("\n", "\n    ")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=DEFAULT_PORT, show_default=True, help="0 takes a free one."
)
@click.option(
    "--allow-host", "names", multiple=True, metavar="NAME", help="Another name of this sandbox; repeat for more."
)
@click.option(
    "--window",
    type=click.FloatRange(0.01, 3_600),
    default=BUCKET_WINDOW_SECONDS,
    show_default=True,
    help="Seconds in which a webhook takes 5 requests.",
)
@click.option(
    "--bucket-mode",
    type=click.Choice(["sliding", "fixed"]),
    default="sliding",
    show_default=True,
    help="Whether the 5 come back one at a time or all at once.",
)
@click.option("--limits/--no-limits", default=True, show_default=True, help="Whether there are rate limits.")
@click.option("--json", "as_json", is_flag=True, help="Print the address and the settings as one line of JSON.")
@click.option("--exit-with-stdin", is_flag=True, hidden=True)
def sandbox(
    host: str, port: int, window: float, bucket_mode: Mode, limits: bool, as_json: bool, **serving: Any
) -> None:
    """A local Discord: takes webhook messages, keeps Discord's limits, shows what arrived on a page.

    \b
    Examples:
      notifier sandbox                                  # then open http://127.0.0.1:8025
      notifier sandbox --port 0 --json                  # a free port, for programs
      notifier sandbox --window 5 --bucket-mode fixed   # another of the windows that were seen
      notifier sandbox --host 0.0.0.0 --allow-host box  # its page at http://box:8025
      curl -X POST http://127.0.0.1:8025/sandbox/faults -d '{"kind": "status", "status": 503, "times": 3}'

    The page and the control API answer to localhost, to addresses and to --allow-host; other names may be anybody's.

    Runs until Ctrl-C. Exit code: 0 when it was stopped, 1 if the port is taken.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(Plain("%(asctime)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    settings = LimitSettings(enabled=limits, bucket_window_seconds=window, bucket_mode=bucket_mode)

    def announce(server: Server) -> None:
        told = {"address": server.address, "environment": server.variables()}
        click.echo(json.dumps(told) if as_json else server.announcement())
        sys.stdout.flush()

    try:
        asyncio.run(serve(host, port, settings, announce=announce, **serving))
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror or error}; see --port") from None
