"""What is wrong with the worker's own machine ends no alert, is told, and holds no other machine up."""

import json
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from notifier.models import AlertType
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, Notifier, notifier
from tests.faults.conftest import GENERAL, QUICK, titles_of
from tests.names import names
from tests.servers import until

__all__ = ["notifier"]
pytestmark = pytest.mark.slow

FAULTS = {
    "socks": ({"ALL_PROXY": "socks5://127.0.0.1:1"}, "machine_misconfigured", "PySocks"),
    "malformed": ({"HTTP_PROXY": "http://[::1"}, "machine_misconfigured", "HTTP_PROXY"),
    "refused": ({"HTTP_PROXY": "http://someone:fake-secret@127.0.0.1:1"}, "proxy_failed", "HTTP_PROXY"),
    "name": ({"DISCORD_API_URL": "http://discord.invalid/api/v10"}, "no_network", "DNS"),
}
CA = {"REQUESTS_CA_BUNDLE": "/no/such/file", "DISCORD_API_URL": "https://127.0.0.1:1/api/v10"}


def outlast_its_attempts(application: Application) -> None:
    """Wait until the machine has tried more often than an alert may fail."""
    seen: set[float] = set()

    def tried() -> bool:
        seen.update(score for _, score in application.pipeline.redis.zrange(names.machines, 0, -1, withscores=True))
        return len(seen) > 5

    until(tried, "more tries than an alert has", poll_seconds=0.02)


def waits_for(application: Application, notification_id: str, *texts: str) -> bool:
    """Whether that is what the alert is said to wait for."""
    return all(text in application.pipeline.explain(notification_id)[-1].what for text in texts)


@pytest.mark.parametrize(
    ("variables", "reason", "named"), [*FAULTS.values(), (CA, "machine_misconfigured", "CA_BUNDLE")]
)
def test_a_fault_of_the_machine_is_waited_out_and_told(
    application: Application,
    sandbox: Sandbox,
    start_worker: StartWorker,
    notifier: Notifier,
    variables: dict[str, str],
    reason: str,
    named: str,
) -> None:
    webhooks = {name: value for name, value in sandbox.variables.items() if name.startswith("DISCORD_WEBHOOK_")}
    if "DISCORD_API_URL" in variables:  # the same webhooks at another address
        webhooks = {name: value.replace(sandbox.address, "https://discord.com") for name, value in webhooks.items()}
    broken = start_worker(**QUICK, **webhooks, **variables, NOTIFIER_WATCH_SECONDS="900")
    (alert,) = application.raise_alerts("patient")
    outlast_its_attempts(application)
    assert application.pipeline.records.get(alert) is None
    until(lambda: waits_for(application, alert, reason.replace("_", " "), named), "the reason and what to repair")
    assert sandbox.posts() == []
    (line,) = [each for each in broken.output().splitlines() if "ERROR" in each]
    assert "cannot reach Discord" in line
    assert named in line
    assert "fake-secret" not in broken.output()
    until(lambda: application.pipeline.outbox.depth(AlertType.MONITORING), "self-monitoring")
    checked = notifier("check", "--json", **QUICK, **webhooks, **variables)
    found = {each["alert_type"]: each for each in json.loads(checked.stdout)["webhooks"]}
    assert (checked.returncode, found["general"]["problem"]) == (1, reason)
    assert named in found["general"]["wrong"]
    (fault,) = json.loads(checked.stdout)["machines"]
    assert (fault["reason"], named in fault["detail"]) == (reason, True)
    broken.stop()
    start_worker(**QUICK)
    (record,) = application.wait([alert])
    assert (record["status"], record["attempts"]) == ("delivered", 1), "no attempt was spent"


def test_one_machines_fault_holds_no_other_up(
    application: Application, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    start_worker(**QUICK, ALL_PROXY="socks5://127.0.0.1:1")
    start_worker(**QUICK)
    ids: list[str] = []

    def known() -> bool:
        """Raise one more: Celery gives each to whichever worker asks first."""
        ids.extend(application.raise_alerts(f"alert {len(ids)}"))
        application.wait(ids[-1:])
        return bool(application.pipeline.gate.machines.faults())

    until(known, "an alert that the broken machine took", poll_seconds=0)
    records = application.wait(ids)
    assert {record["status"] for record in records} == {"delivered"}
    assert all(record["attempts"] == 1 for record in records)
    assert max(titles_of(sandbox).values()) == 1
    assert not application.pipeline.redis.hexists(names.gate(GENERAL), "breaker")
    assert [fault.reason for fault in application.pipeline.gate.machines.faults()] == ["machine_misconfigured"]


@pytest.fixture
def proxy_that_asks() -> Iterator[Callable[[], str]]:
    """A proxy that wants credentials (RFC 9110, 407); its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    ends = threading.Event()

    def serve() -> None:
        while not ends.is_set():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield lambda: f"http://127.0.0.1:{listener.getsockname()[1]}"
    ends.set()
    socket.create_connection(listener.getsockname()).close()
    thread.join(10)
    listener.close()


def test_a_proxy_that_wants_credentials_is_waited_for(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, proxy_that_asks: Callable[[], str]
) -> None:
    broken = start_worker(**QUICK, HTTP_PROXY=proxy_that_asks())
    (alert,) = application.raise_alerts("patient")
    outlast_its_attempts(application)
    assert application.pipeline.records.get(alert) is None
    until(lambda: waits_for(application, alert, "proxy failed", "407"), "the reason and what to repair")
    broken.stop()
    start_worker(**QUICK)
    assert application.wait([alert])[0]["status"] == "delivered"
