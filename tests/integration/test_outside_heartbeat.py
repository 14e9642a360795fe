"""A monitoring service is called while the pipeline moves: once in an interval for the fleet; its URL stays secret."""

import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import redis
from pydantic import SecretStr

from notifier.errors import BrokerUnavailable, ConfigurationError
from notifier.models import AlertType
from notifier.pipeline import Pipeline
from notifier.settings import Settings
from notifier.storage.broker import create_app
from notifier.storage.connection import connect
from notifier.worker import outside_heartbeat
from notifier.worker.outside_heartbeat import OutsideHeartbeat, call
from tests.names import names
from tests.servers import until

UUID = "0d7b3b0e-fake-token-9f1e"


class Service:
    """A monitoring service."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.status = 200
        self.silent = threading.Event()
        self.silent.set()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.calls.append(self.path)
                service.silent.wait(30)
                self.send_response(service.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = SecretStr(f"http://127.0.0.1:{self.server.server_port}/{UUID}")
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()


@pytest.fixture
def service() -> Iterator[Service]:
    found = Service()
    yield found
    found.silent.set()
    found.server.shutdown()
    found.thread.join()
    found.server.server_close()


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    found = connect(redis_url, 5)
    yield found
    found.close()


def worker(client: "redis.Redis", url: SecretStr, stuck: tuple[AlertType, ...] = (), seconds: float = 600) -> Any:
    return OutsideHeartbeat(client, names, url, seconds, lambda: stuck)


def ended(*heartbeats: Any) -> None:
    for each in heartbeats:
        if each._thread is not None:
            each._thread.join(20)


def told_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == outside_heartbeat.logger.name]


def test_the_fleet_calls_once_in_an_interval(client: "redis.Redis", service: Service) -> None:
    fleet = [worker(client, service.url) for _ in range(3)]
    for each in fleet * 3:
        each()
        ended(each)
    assert service.calls == [f"/{UUID}"]
    assert 500_000 < client.pttl(names.called) <= 600_000  # type: ignore[operator]
    client.delete(names.called)  # the interval is over
    fleet[1]()
    ended(fleet[1])
    assert len(service.calls) == 2


def test_its_interval_gets_no_longer_if_the_clock_of_redis_steps_back(client: "redis.Redis", service: Service) -> None:
    each = worker(client, service.url)
    each()
    ended(each)
    client.pexpire(names.called, 1_200_000)  # as if it had stepped back by ten minutes
    each()
    ended(each)
    assert len(service.calls) == 1
    assert client.pttl(names.called) <= 600_000  # type: ignore[operator]


def test_it_is_not_called_while_an_outbox_stands_still_and_that_is_told_once(
    client: "redis.Redis", service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    each = worker(client, service.url, (AlertType.ERROR, AlertType.SECURITY))
    for _ in range(2):
        client.delete(names.called)
        each()
        ended(each)
    assert service.calls == []
    (told,) = told_in(caplog)
    assert told == "NOTIFIER_HEARTBEAT_URL is not called: nothing comes for alerts of error, security"


def test_a_service_that_hangs_holds_up_no_sweep(client: "redis.Redis", service: Service) -> None:
    service.silent.clear()
    each = worker(client, service.url)
    each()
    until(lambda: bool(service.calls), "the call is under way")
    client.delete(names.called)
    each()
    assert len(service.calls) == 1, "nor does it call twice at a time"
    service.silent.set()
    ended(each)


def test_one_that_cannot_reach_it_tells_so_once_and_leaves_it_to_others(
    client: "redis.Redis", service: Service, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    cut_off, other = worker(client, service.url), worker(client, service.url)
    service.status = 503
    cut_off()
    ended(cut_off)
    assert client.get(names.called) is None
    cut_off()
    assert len(service.calls) == 1, "it waits for an interval"
    service.status = 200
    other()
    ended(other)
    assert len(service.calls) == 2
    cut_off._next_at = 0.0
    monkeypatch.setattr(outside_heartbeat, "call", lambda _: "TimeoutError")
    client.delete(names.called)
    cut_off()
    ended(cut_off)
    (told,) = told_in(caplog)
    assert told == "NOTIFIER_HEARTBEAT_URL: 127.0.0.1 was not reached (HTTP 503); it is tried again"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1:1/fake-token", "ConnectionRefusedError"),
        ("http://nowhere.invalid/fake-token", "gaierror"),
        ("http:///fake-token", "URLError"),
    ],
)
def test_what_goes_wrong_is_told_without_the_url(url: str, told: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    problem = call(SecretStr(url))
    assert problem == told
    assert "fake-token" not in problem + caplog.text


def test_without_redis_nothing_is_called(service: Service) -> None:
    with pytest.raises(BrokerUnavailable):
        worker(connect("redis://127.0.0.1:1/0", 1), service.url)()
    assert service.calls == []


def test_a_sweep_calls_it_where_the_variable_or_its_file_is_set(
    redis_url: str, service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text(f"{service.url.get_secret_value()}\n")
    monkeypatch.setenv("NOTIFIER_HEARTBEAT_URL_FILE", str(tmp_path / "url"))
    pipeline = Pipeline(create_app("calling"), Settings.load())
    assert UUID not in repr(pipeline.settings)
    pipeline.sweep([])
    until(lambda: service.calls == [f"/{UUID}"], "the call")
    pipeline.redis.close()
    monkeypatch.setenv("NOTIFIER_HEARTBEAT_URL", f"ftp://example.com/{UUID}")
    with pytest.raises(ConfigurationError, match=r"^NOTIFIER_HEARTBEAT_URL: expected a URL such as ") as raised:
        Settings.load()
    assert UUID not in str(raised.value)
