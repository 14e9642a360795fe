"""What is wrong with this machine is told from what is wrong with Discord. With real sockets and real variables."""

import errno
import os
import socket
import sys
from collections.abc import Callable

import pytest
import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError, SSLError

from notifier.discord import DiscordClient, outcome_of_exception
from notifier.discord.machine import (
    CREDENTIALS,
    MALFORMED,
    NO_CA_FILE,
    NO_NAME,
    NO_PROXY,
    NO_ROUTE,
    NO_SOCKS,
    PROXY_REFUSES,
)
from notifier.outcome import Answer, Deferred, Failed, Outcome, Reason, Scope
from notifier.render.batch import Payload
from notifier.webhook import Webhook
from tests.unit.discord.conftest import TOKEN, Behaviour, Peer

DISCORD = "https://discord.invalid/api/v10"
SECRET = "fake-secret"


def here(reason: Reason, detail: str) -> Deferred:
    """A fault of this machine."""
    return Deferred(0, reason, Scope.MACHINE, detail)


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """None but a test's own."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def asked(webhook: Webhook, payload: Payload, url: str = DISCORD) -> Outcome:
    """The outcome of a post; that of a look-up has to be the same."""
    client = DiscordClient(url, 10)
    answer = client.execute(webhook, payload)
    assert client.get_webhook(webhook).answer == answer
    assert answer == Answer(answer.outcome), "nothing answered"
    assert TOKEN not in repr(answer)
    assert SECRET not in repr(answer)
    return answer.outcome


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4"])
def test_a_socks_proxy_without_pysocks_names_what_is_missing(
    webhook: Webhook, payload: Payload, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    if "urllib3.contrib.socks" in sys.modules:
        pytest.skip("PySocks is installed")
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://someone:{SECRET}@127.0.0.1:1")
    assert asked(webhook, payload) == here(Reason.MACHINE_MISCONFIGURED, NO_SOCKS)


@pytest.mark.parametrize(
    "proxy",
    [
        *("http://", "http://[::1", "http://proxy:port", "http://127.0.0.1:99999", "ftp://127.0.0.1:9", "://x"),
        *("http://a..b:1", f"http://{'a' * 70}.x:1", "http:/127.0.0.1:3128", "socks5h:127.0.0.1:3128"),
    ],
)
def test_a_proxy_that_is_malformed_is_waited_for(
    webhook: Webhook, payload: Payload, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert asked(webhook, payload) == here(Reason.MACHINE_MISCONFIGURED, MALFORMED)


@pytest.mark.parametrize("url", ["http://a..b/api/v10", "http://[::1/api/v10", "ftp://discord.invalid/api/v10"])
def test_an_address_that_no_request_can_have_is_waited_for(webhook: Webhook, payload: Payload, url: str) -> None:
    assert asked(webhook, payload, url) == here(Reason.MACHINE_MISCONFIGURED, MALFORMED)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", ["127.0.0.1", "no-such-proxy.invalid"])
def test_a_proxy_that_is_away_is_waited_for(
    webhook: Webhook, payload: Payload, monkeypatch: pytest.MonkeyPatch, scheme: str, host: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    monkeypatch.setenv(f"{scheme.upper()}_PROXY", f"http://someone:{SECRET}@{host}:{port}")
    assert asked(webhook, payload, DISCORD.replace("https", scheme)) == here(Reason.PROXY_FAILED, NO_PROXY)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (407, here(Reason.PROXY_FAILED, CREDENTIALS)),
        (403, here(Reason.PROXY_FAILED, PROXY_REFUSES.format(status=403))),
        (502, Failed(Reason.CONNECTION_FAILED, "ProxyError")),
        (504, Failed(Reason.CONNECTION_FAILED, "ProxyError")),
    ],
)
def test_a_proxy_that_makes_no_tunnel_is_this_machines_unless_discord_did_not_answer_it(
    start_peer: Callable[[Behaviour], Peer],
    webhook: Webhook,
    payload: Payload,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    outcome: Outcome,
) -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)

    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{start_peer(refuse).port}")
    assert asked(webhook, payload) == outcome


def test_a_proxy_that_wants_credentials_without_a_tunnel_is_this_machines_too(
    start_peer: Callable[[Behaviour], Peer], webhook: Webhook, payload: Payload, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n")

    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{start_peer(refuse).port}")
    answer = DiscordClient("http://discord.invalid/api/v10", 10).execute(webhook, payload)
    assert answer == Answer(here(Reason.PROXY_FAILED, CREDENTIALS), None, 407)


def test_a_name_that_does_not_resolve_is_waited_for(webhook: Webhook, payload: Payload) -> None:
    assert asked(webhook, payload) == here(Reason.NO_NETWORK, NO_NAME)


def _refused(number: int) -> requests.ConnectionError:
    """As requests raises it if a connection cannot be made."""
    new = NewConnectionError(None, f"[Errno {number}]")  # type: ignore[arg-type]
    new.__cause__ = OSError(number, os.strerror(number))
    return requests.ConnectionError(MaxRetryError(None, "/", new))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "number",
    [
        *(errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM),
        *(errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.EAFNOSUPPORT),
    ],
)
def test_no_way_out_of_this_machine_is_waited_for(number: int) -> None:
    expected = here(Reason.NO_NETWORK, NO_ROUTE.format(why=os.strerror(number)))
    assert outcome_of_exception(_refused(number)) == expected


@pytest.mark.parametrize("number", [errno.ECONNREFUSED, errno.ETIMEDOUT, errno.ECONNRESET])
def test_what_may_be_discords_is_not_taken_for_this_machines(number: int) -> None:
    assert outcome_of_exception(_refused(number)) == Failed(Reason.CONNECTION_FAILED, "ConnectionError")


def test_every_fault_of_a_socks_proxy_is_this_machines() -> None:
    class SOCKSHTTPSConnection:
        """Stands in for urllib3's, which needs PySocks."""

    new = NewConnectionError(SOCKSHTTPSConnection(), "Connection refused")  # type: ignore[arg-type]
    wrapped = requests.ConnectionError(MaxRetryError(None, "/", new))  # type: ignore[arg-type]
    assert outcome_of_exception(wrapped) == here(Reason.PROXY_FAILED, NO_PROXY)


@pytest.mark.parametrize("unreadable", [PermissionError(13, "denied"), FileNotFoundError(2, "gone meanwhile")])
def test_certificates_that_this_user_may_not_read_are_this_machines(unreadable: OSError) -> None:
    """As requests wraps it, once it has seen that the file is there."""
    wrapped = requests.exceptions.SSLError(MaxRetryError(None, "/", SSLError(unreadable)))  # type: ignore[arg-type]
    assert outcome_of_exception(wrapped) == here(Reason.MACHINE_MISCONFIGURED, NO_CA_FILE)
