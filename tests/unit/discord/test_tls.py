"""A TLS failure before the request is distinguished from one after it, when Discord may have carried it out."""

import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from notifier.discord import DiscordClient
from notifier.discord.machine import NO_CA_FILE, UNTRUSTED
from notifier.outcome import Answer, Deferred, Delivered, Reason, Scope, Unknown
from notifier.render.batch import Payload
from notifier.webhook import Webhook
from tests.unit.discord.conftest import Behaviour, Peer, read_request

STORED = b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"id": "77"}'


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1, self-signed, with its key in the same file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    command = [*f"{openssl} req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1".split()]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
    both = folder / "both.pem"
    both.write_text((folder / "key.pem").read_text() + (folder / "certificate.pem").read_text())
    return both


@pytest.fixture
def start_tls_peer(start_peer: Callable[[Behaviour], Peer], certificate: Path) -> Callable[[Behaviour], str]:
    """Starts a peer that speaks TLS; its API URL."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def start(behaviour: Behaviour) -> str:
        def behave(connection: socket.socket) -> None:
            with context.wrap_socket(connection, server_side=True) as secured:
                behaviour(secured)

        return start_peer(behave).api_url.replace("http://", "https://")

    return start


def test_a_peer_whose_certificate_is_not_signed_receives_nothing(
    start_tls_peer: Callable[[Behaviour], str], webhook: Webhook, payload: Payload
) -> None:
    requests_read = []
    url = start_tls_peer(lambda connection: requests_read.append(read_request(connection)))
    answer = DiscordClient(url, 10).execute(webhook, payload)
    assert answer == Answer(Deferred(0, Reason.CERTIFICATE_NOT_TRUSTED, Scope.MACHINE, UNTRUSTED))
    assert requests_read == []


@pytest.mark.parametrize("content", [None, "", "no certificate"], ids=["missing", "empty", "nonsense"])
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_file_of_certificates_that_cannot_be_read_is_a_fault_of_this_machine(
    start_tls_peer: Callable[[Behaviour], str],
    webhook: Webhook,
    payload: Payload,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
    content: str | None,
) -> None:
    file = tmp_path / "certificates.pem"
    if content is not None:
        file.write_text(content)
    for each in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(variable, str(file))
    client = DiscordClient(start_tls_peer(read_request), 10)
    for answer in (client.execute(webhook, payload), client.get_webhook(webhook).answer):
        assert answer == Answer(Deferred(0, Reason.MACHINE_MISCONFIGURED, Scope.MACHINE, NO_CA_FILE))


def test_a_trusted_peer_is_served(
    start_tls_peer: Callable[[Behaviour], str],
    webhook: Webhook,
    payload: Payload,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(STORED)

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    answer = DiscordClient(start_tls_peer(behave), 10).execute(webhook, payload)
    assert answer == Answer(Delivered("77", None), None, 200)


def _nonsense(connection: socket.socket) -> None:
    with socket.socket(fileno=os.dup(connection.fileno())) as beneath:
        beneath.sendall(b"no record of TLS " * 10)


def _abrupt_end(connection: socket.socket) -> None:
    with socket.socket(fileno=os.dup(connection.fileno())) as beneath:
        beneath.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("failure", [_nonsense, _abrupt_end])
def test_tls_that_breaks_after_the_request_leaves_the_outcome_unknown(
    start_tls_peer: Callable[[Behaviour], str],
    webhook: Webhook,
    payload: Payload,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: Behaviour,
) -> None:
    def behave(connection: socket.socket) -> None:
        read_request(connection)
        failure(connection)

    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    answer = DiscordClient(start_tls_peer(behave), 10).execute(webhook, payload)
    assert answer == Answer(Unknown(Reason.CONNECTION_LOST, "ConnectionError"))
