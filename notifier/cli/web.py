"""``notifier web``: the operator's page."""

import asyncio
import signal
from typing import TYPE_CHECKING

import click

from notifier.cli.output import echo

if TYPE_CHECKING:
    from notifier.settings import Settings
    from notifier.web.answering import Shared

DEFAULT_PORT = 8027
PASSWORD = "NOTIFIER_WEB_PASSWORD"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=DEFAULT_PORT, show_default=True, help="0 takes a free one."
)
def web(host: str, port: int) -> None:
    """Serve the operator's page: what waits and why, the history, dead letters, gates, incidents, silences and jobs.

    NOTIFIER_WEB_USER and NOTIFIER_WEB_PASSWORD (or NOTIFIER_WEB_PASSWORD_FILE) are its login. Without a password it
    serves this machine alone. It has no TLS: for other machines, put a proxy before it (docs/web.md).

    \b
    Examples:
      notifier web
      NOTIFIER_WEB_PASSWORD=... notifier web --host 0.0.0.0
      curl -u notifier:PASSWORD http://127.0.0.1:8027/api/overview

    Runs until Ctrl-C. Exit code: 0 when it was stopped, 1 if the port is taken or a password is missing.
    """
    from notifier.pipeline import client_pipeline  # imports Celery: --help need not

    pipeline = client_pipeline()
    _refuse_without_password(host, pipeline.settings)
    _ = pipeline.client  # wrong settings are told now
    try:
        asyncio.run(_serve(host, port))
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror or error}; see --port") from None


def _refuse_without_password(host: str, settings: "Settings") -> None:
    from notifier.environment import environment, plain
    from notifier.hosts import is_loopback

    if settings.unreadable_secrets:
        raise click.ClickException("; ".join(settings.unreadable_secrets))
    if settings.web_password is None and not is_loopback(host):
        raise click.ClickException(f"{PASSWORD} is not set: without a password, only 127.0.0.1 is served, not {host}")
    if settings.web_password is None and plain(environment().get(f"{PASSWORD}_FILE", "")):
        raise click.ClickException(f"{PASSWORD}_FILE: it holds no password")  # whoever names it wants a login


async def _serve(host: str, port: int) -> None:
    from notifier.web.server import Server

    shared = _shared()
    server, stopped = Server(host, port, shared), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    name = f"[{host}]" if ":" in host else host
    open_to = "" if shared.login.needed else f" (open to everybody on this machine: {PASSWORD} is not set)"
    echo(f"web listening on http://{name}:{server.port}{open_to}")
    await stopped.wait()
    await server.close()


def _shared() -> "Shared":
    from notifier.pipeline import client_pipeline
    from notifier.web.answering import Shared
    from notifier.web.login import Login

    pipeline = client_pipeline()
    settings = pipeline.settings
    password, token = (
        None if each is None else each.get_secret_value() for each in (settings.web_password, settings.metrics_token)
    )
    names = frozenset(name.lower() for name in settings.web_hosts)
    login = Login(settings.web_user, password, token)
    return Shared(pipeline, login, names, settings.web_read_only, settings.metrics_open)
