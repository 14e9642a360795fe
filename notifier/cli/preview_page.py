"""A preview on the page of a sandbox that is started for it: its rules and its drawing are independent of ours."""

import sys
import tempfile
import time
import webbrowser
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import click
import requests

from notifier.cli.output import echo
from notifier.cli.processes import Process, ProcessFailed
from notifier.cli.stack import LISTENING, Stack
from notifier.discord import DiscordClient
from notifier.extras import install_hint, missing
from notifier.operations.preview import Preview
from notifier.outcome import Delivered
from notifier.webhook import Webhook, parse_webhook

PATIENCE_SECONDS = 10
LOOK_SECONDS = 0.5


def show_page(found: Preview) -> None:
    """Post the payloads to a sandbox of their own, open its page, and wait for Ctrl-C.

    Raises:
        ClickException: the sandbox cannot be installed here, or it refuses a payload; says what it answered.
    """
    if lacking := missing("demo"):
        raise click.ClickException(install_hint("--open", *lacking))
    with tempfile.TemporaryDirectory(prefix="notifier-preview-") as folder, Stack(Path(folder)) as stack:
        process = stack.start("sandbox", [sys.executable, "-m", "notifier.sandbox", "--port", "0", "--no-limits"])
        address = process.wait_for(LISTENING)[1]
        variable = found.route.webhook_variables[0]
        url = process.wait_for(rf"^{variable}=(\S+)$")[1]
        _post(found, address, variable, url)
        echo(f"The page is at {address} until Ctrl-C")
        try:
            webbrowser.open(address)  # which may wait for the end of the browser
            _wait_for_interrupt(process)
        except KeyboardInterrupt:
            echo("")


def _post(found: Preview, address: str, variable: str, url: str) -> None:
    api_url = f"{address}/api/v10"
    webhook, client = parse_webhook(variable, url, api_url), DiscordClient(api_url, PATIENCE_SECONDS)
    thread_id = found.thread_id
    _make_room_for_threads(found, address, webhook)
    for part in found.parts:
        outcome = client.execute(webhook, replace(part.payload, thread_id=thread_id)).outcome
        if not isinstance(outcome, Delivered):
            raise click.ClickException(f"the sandbox does not take it: {outcome.detail}")
        if "thread_name" in part.payload.body:  # the others follow it there
            thread_id = outcome.channel_id


def _make_room_for_threads(found: Preview, address: str, webhook: Webhook) -> None:
    """A thread that the alert names is there, and a post can be opened: in a real Discord it is as it is."""
    at = f"{address}/sandbox/webhooks/{webhook.id}"
    channel_id = requests.get(at, timeout=PATIENCE_SECONDS).json()["channel_id"]
    if found.thread_id:
        thread = {"channel_id": channel_id, "name": f"thread {found.thread_id}"}
        _put(f"{address}/sandbox/threads/{found.thread_id}", thread)
    elif any("thread_name" in part.payload.body for part in found.parts):
        token = webhook.token.get_secret_value()
        _put(at, {"token": token, "channel_id": channel_id, "channel_type": "forum"})


def _put(url: str, body: Mapping[str, str]) -> None:
    requests.put(url, json=body, timeout=PATIENCE_SECONDS).raise_for_status()


def _wait_for_interrupt(process: Process) -> None:
    while process.running:
        time.sleep(LOOK_SECONDS)
    raise ProcessFailed(f"the sandbox has ended:\n{process.tail()}")
