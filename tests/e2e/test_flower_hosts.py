"""Flower on our application answers to its own names: any other may be rebound to this machine by anybody's page."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from notifier.cli.processes import Process
from tests.e2e.flower import Flower
from tests.servers import until

pytestmark = pytest.mark.slow
StartFlower = Callable[..., Flower]
FOREIGN = ("evil.example", "evil.example:5555", "localhost.evil", "flower")
OWN = ("localhost", "LocalHost:5555", "127.0.0.1", "[::1]:1", "10.1.2.3:5555", "dash.example", "dash.example:443")
PATHS = (
    "/",
    "/workers",
    "/tasks",
    "/broker",
    "/api/workers",
    "/api/tasks",
    "/metrics",
    "/healthcheck",
    "/static/x",
    "/none",
)


@pytest.fixture
def start_flower(configured: dict[str, str], tmp_path: Path) -> Iterator[StartFlower]:
    """Starts dashboards."""
    started: list[Flower] = []

    def start(**more: str) -> Flower:
        started.append(Flower(tmp_path, {**configured, **more}))
        until(started[-1].up, "Flower")
        return started[-1]

    yield start
    for each in started:
        each.stop()


def status(flower: Flower, path: str, host: str, method: str = "GET") -> int:
    answer = requests.request(method, f"{flower.address}{path}", headers={"Host": host}, timeout=20)
    assert host != "evil.example" or host not in answer.text, "it is not echoed"
    return answer.status_code


def test_flower_answers_to_its_own_names_alone(start_flower: StartFlower, worker: Process) -> None:
    flower = start_flower(NOTIFIER_FLOWER_HOSTS="Dash.Example, other.example")
    until(lambda: "shared@" in flower.get("/api/workers?refresh=1").text, "the worker in Flower")
    (name,) = flower.get("/api/workers").json()
    for host in FOREIGN:
        assert {path: status(flower, path, host) for path in PATHS} == dict.fromkeys(PATHS, 403), host
        assert status(flower, f"/api/worker/shutdown/{name}", host, "POST") == 403
    assert {host: status(flower, "/api/workers", host) for host in OWN} == dict.fromkeys(OWN, 200)
    assert worker.running


def test_with_a_login_of_its_own_the_login_decides(start_flower: StartFlower) -> None:
    flower = start_flower(FLOWER_BASIC_AUTH="user:fake-token")
    answer = requests.get(f"{flower.address}/", headers={"Host": "evil.example"}, timeout=20)
    assert answer.status_code == 401
    assert requests.get(
        f"{flower.address}/", headers={"Host": "evil.example"}, auth=("user", "fake-token"), timeout=20
    ).ok
