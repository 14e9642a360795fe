"""If urllib3's log is turned on, no token is in it."""

import logging
import socket
from collections.abc import Callable, Iterator

import pytest

from notifier.discord import DiscordClient, install_log_redaction, redact
from notifier.discord.redaction import LOGGERS
from notifier.render.batch import Payload
from notifier.webhook import Webhook
from tests.unit.discord.conftest import TOKEN, Behaviour, Peer, read_request


@pytest.fixture
def without_filters() -> Iterator[None]:
    """As if no client had been made yet."""
    kept = {name: list(logging.getLogger(name).filters) for name in LOGGERS}
    for name in LOGGERS:
        logging.getLogger(name).filters.clear()
    yield
    for name, filters in kept.items():
        logging.getLogger(name).filters[:] = filters


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"https://discord.com/api/v10/webhooks/12/{TOKEN}", "https://discord.com/api/v10/webhooks/12/***"),
        (
            f'"POST /api/v10/webhooks/12/{TOKEN}?wait=true HTTP/1.1"',
            '"POST /api/v10/webhooks/12/***?wait=true HTTP/1.1"',
        ),
        (f"/webhooks/12/{TOKEN}/messages/5", "/webhooks/12/***/messages/5"),
        (f"/webhooks/1/{TOKEN} and /webhooks/2/{TOKEN}", "/webhooks/1/*** and /webhooks/2/***"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_redact_hides_the_token_of_every_webhook_path(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_urllib3_at_debug_logs_the_request_and_not_the_token(
    without_filters: None,
    start_peer: Callable[[Behaviour], Peer],
    webhook: Webhook,
    payload: Payload,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with caplog.at_level(logging.DEBUG):
        DiscordClient(start_peer(behave).api_url, 10).execute(webhook, payload)
    assert "/webhooks/123456789/***?wait=true" in caplog.text
    assert TOKEN not in caplog.text
    assert all(TOKEN not in repr(vars(record)) for record in caplog.records)


def test_installing_it_again_changes_nothing(without_filters: None) -> None:
    for _ in range(3):
        install_log_redaction()
    assert [len(logging.getLogger(name).filters) for name in LOGGERS] == [1, 1]
