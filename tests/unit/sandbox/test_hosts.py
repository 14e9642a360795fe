"""The page and the control API answer to the sandbox's own names: another may be rebound to this machine by anybody."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from notifier.sandbox.control import ROUTES
from notifier.sandbox.server import Server

FOREIGN = (
    "evil.example",
    "evil.example:8025",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "neighbour",
    "[::1].evil",
    "%31",
)
PATHS = ("", "sandbox/health", "sandbox/webhooks", "sandbox/messages", "sandbox/requests", "sandbox/events", "nothing")
OWN = ("localhost", "LOCALHOST:8025", "127.0.0.1:1", "[::1]:8025", "192.168.1.5:8025", "0.0.0.0")


def ask(server: Server, path: str, host: str, method: str = "GET") -> requests.Response:
    return requests.request(method, f"{server.address}/{path}", headers={"Host": host}, timeout=10)


@pytest.mark.parametrize("host", FOREIGN)
def test_another_name_gets_nothing_and_changes_nothing(server: Server, host: str) -> None:
    for path in PATHS:
        answer = ask(server, path, host)
        assert (answer.status_code, "--allow-host" in answer.text) == (403, True), path
        assert host not in answer.text, "it is not echoed"
    for method, path in (("POST", "sandbox/reset"), ("POST", "sandbox/ban"), ("DELETE", "sandbox/messages")):
        assert ask(server, path, host, method).status_code == 403
    assert server.exchange.stats()["requests"] == 0
    assert requests.get(f"{server.address}/sandbox/stats", timeout=10).json()["requests"] == 0


@pytest.mark.parametrize("host", OWN)
def test_its_own_names_and_addresses_are_served(server: Server, host: str) -> None:
    assert ask(server, "", host).status_code == 200
    assert ask(server, "sandbox/messages", host).json() == []


def test_every_path_of_the_control_api_is_behind_it() -> None:
    assert all(pattern.startswith("/sandbox/") for pattern, _ in ROUTES)


def test_discords_own_part_is_called_by_any_name_with_its_token(server: Server) -> None:
    webhook = next(iter(server.exchange.store.webhooks.values()))
    answer = ask(server, f"api/v10/webhooks/{webhook.id}/{webhook.token}", "discord.test")
    assert answer.json()["id"] == webhook.id
    assert ask(server, "apix", "discord.test").status_code == 403


@pytest.fixture
def named() -> Iterator[str]:
    """A sandbox that has a further name."""
    command = [sys.executable, "-m", "notifier.sandbox", "--port=0", "--json", "--exit-with-stdin", "--allow-host=Box"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    yield json.loads(process.stdout.readline())["address"]
    process.communicate(timeout=20)


def test_a_name_that_is_allowed_is_served(named: str) -> None:
    statuses = {
        host: requests.get(f"{named}/sandbox/health", headers={"Host": host}, timeout=10).status_code
        for host in ("box:8025", "box", "other")
    }
    assert statuses == {"box:8025": 200, "box": 200, "other": 403}
