"""``notifier intake``: alerts from programs that can only post to a web address."""

import asyncio
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from notifier.cli.output import echo

if TYPE_CHECKING:
    from notifier.intake.tokens import Tokens

DEFAULT_PORT = 8026
TOKEN_CHARACTERS_MIN = 16


@click.command()
@click.option(
    "--token-file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The tokens that may post, one a line.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=DEFAULT_PORT, show_default=True, help="0 takes a free one."
)
@click.option(
    "--per-minute", type=click.IntRange(1, 1_000_000), default=600, show_default=True, help="Requests of one token."
)
def intake(token_file: Path, host: str, port: int, per_minute: int) -> None:
    """Take alerts by HTTP: in our own form, and as Alertmanager, Grafana, Sentry and others post them (docs/intake.md).

    Answers 202 once the alert is safe in its outbox. Has no TLS: for other machines, put a proxy before it.

    \b
    Examples:
      notifier intake --token-file tokens.txt
      curl -H "Authorization: Bearer TOKEN" -d '{"title": "It works"}' http://127.0.0.1:8026/alerts
      curl -d '{"text": "It works"}' 'http://127.0.0.1:8026/TOKEN/slack?type=monitoring'

    Runs until Ctrl-C. Exit code: 0 when it was stopped, 1 if the port is taken or the file holds no token.
    """
    from notifier.intake.tokens import Tokens
    from notifier.pipeline import client_pipeline

    try:
        tokens = [line.strip() for line in token_file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{token_file}: cannot be read ({type(error).__name__})") from None
    if not tokens or any(len(each) < TOKEN_CHARACTERS_MIN or "/" in each for each in tokens):
        raise click.ClickException(f"{token_file}: expected tokens of {TOKEN_CHARACTERS_MIN} characters or more, no /")
    _ = client_pipeline().client  # wrong settings are told now
    try:
        asyncio.run(_serve(host, port, Tokens(tokens, per_minute)))
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror or error}; see --port") from None


async def _serve(host: str, port: int, tokens: "Tokens") -> None:
    from notifier.intake.server import Server

    server, stopped = Server(host, port, tokens), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    echo(f"intake listening on http://{host}:{server.port}")
    await stopped.wait()
    await server.close()
