"""Flower in a real browser: the worker is online, and what was delivered, what waits and what failed read right."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect

from notifier.cli.processes import Process
from notifier.models import AlertType
from tests.chromium import browser
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application
from tests.e2e.flower import Flower
from tests.e2e.test_celery_contract import sandbox_webhook
from tests.no_secrets import assert_no_secrets
from tests.published import ROOT
from tests.servers import until

pytestmark = pytest.mark.slow

SCREENSHOTS = ROOT / "artefacts" / "screenshots"
"""For people to look at; git ignores them."""
LOGIN = ("notifier", "fake-password")
ENDS = {"SUCCESS": "succeeded", "FAILURE": "failed"}
CONTROLS = (
    *(f"worker/{each}" for each in ("shutdown", "pool/restart", "pool/grow", "pool/shrink", "pool/autoscale")),
    *("worker/queue/add-consumer", "worker/queue/cancel-consumer", "task/apply", "task/async-apply", "task/send-task"),
    *("task/abort", "task/timeout", "task/rate-limit", "task/revoke"),
)
"""All that Flower can do to workers and tasks."""


@pytest.fixture
def own_worker(start_worker: StartWorker) -> Process:
    """Not the shared one: what that ends of an earlier test would be in the list, and be counted."""
    return start_worker()


@pytest.fixture
def flower(configured: dict[str, str], tmp_path: Path, own_worker: Process) -> Iterator[Flower]:
    """With the login of the operator's page, as compose starts it."""
    kept = {"FLOWER_PERSISTENT": "true", "FLOWER_DB": str(tmp_path / "state")}
    own = {"NOTIFIER_WEB_PASSWORD": LOGIN[1], "FLOWER_READ_ONLY": "true", **kept}
    found = Flower(tmp_path, {**configured, **own}, login=LOGIN)
    until(found.up, "Flower")
    until(lambda: "worker1@" in found.get("/api/workers?refresh=1").text, "the worker in Flower")
    yield found
    found.stop()


@pytest.fixture
def page(flower: Flower) -> Iterator[Page]:
    with browser() as running:
        context = running.new_context(
            http_credentials={"username": LOGIN[0], "password": LOGIN[1]},
            viewport={"width": 1600, "height": 900},
            locale="en-US",
        )
        context.set_default_timeout(30_000)
        yield context.new_page()
        context.close()


def cells(page: Page, notification_id: str) -> dict[str, str]:
    """A row of the list by its columns."""
    columns = page.locator(".dataTables_scrollHead th").evaluate_all("all => all.map(each => each.dataset.column)")
    row = page.locator(f'[id="{notification_id}"] td')
    row.first.wait_for()
    return dict(zip(columns, [text.strip() for text in row.all_inner_texts()], strict=True))


def test_the_worker_is_online_and_each_alert_reads_right(
    flower: Flower, page: Page, application: Application, sandbox: Sandbox
) -> None:
    refused, limited = {"kind": "status", "status": 400}, {"kind": "rate_limit", "seconds": 600}
    sandbox.fault(webhook_id=sandbox_webhook(sandbox, AlertType.ERROR), method="POST", times=1, **refused)
    # again and again: after a minute one request tries whether it is over
    sandbox.fault(webhook_id=sandbox_webhook(sandbox, AlertType.SECURITY), method="POST", times=100, **limited)
    (waits,) = application.raise_alerts("Login from a new place", alert_type=AlertType.SECURITY)
    delivered = application.raise_alerts(*(f"Backup {number} of 12 is done" for number in range(1, 13)))
    (failed,) = application.raise_alerts("No room on db1", alert_type=AlertType.ERROR)
    application.wait([*delivered, failed])
    wanted = {**dict.fromkeys(delivered, "SUCCESS"), failed: "FAILURE", waits: "RECEIVED"}
    until(lambda: {id: each["state"] for id, each in flower.tasks().items()} == wanted, "the states of all")

    page.goto(flower.address)
    expect(page.locator("table").filter(has_text="worker1@").last).to_contain_text("Online", timeout=30_000)
    page.screenshot(path=_picture("flower-workers"))
    page.goto(f"{flower.address}/tasks")
    expected = {
        delivered[-1]: ("send_notification.general", "title='Backup 12 of 12 is done'", "SUCCESS", "delivered 1"),
        failed: ("send_notification.error", "title='No room on db1'", "FAILURE", "rejected: invalid payload"),
        waits: ("send_notification.security", "title='Login from a new place'", "RECEIVED", "waits: rate limited"),
    }
    for notification_id, row in expected.items():
        shown = cells(page, notification_id)
        assert (shown["name"], shown["kwargs"], shown["state"], shown["result"][: len(row[-1])]) == row
        assert (shown["worker"].partition("@")[0], shown["uuid"]) == ("worker1", notification_id)
    assert "rejected: invalid_payload (400" in cells(page, failed)["exception"]
    page.screenshot(path=_picture("flower-tasks"), full_page=True)
    assert_no_secrets(texts={"page": page.content(), "api": flower.get("/api/tasks").text})

    for kind, state, number in ((AlertType.GENERAL, "SUCCESS", 12), (AlertType.ERROR, "FAILURE", 1)):
        once = dict.fromkeys(("received", "started", ENDS[state]), number)
        assert dict(flower.counted(f"send_notification.{kind}")) == once
    assert dict(flower.counted("send_notification.security")) == {"received": 1}


def test_it_asks_for_the_login_changes_nothing_and_remembers(
    flower: Flower, application: Application, own_worker: Process, configured: dict[str, str], tmp_path: Path
) -> None:
    for path in ("/", "/tasks", "/broker", "/metrics", "/api/tasks", "/api/workers"):
        assert requests.get(f"{flower.address}{path}", timeout=20).status_code == 401, path
        assert flower.get(path).status_code == 200, path
    (name,) = flower.get("/api/workers").json()
    for each in CONTROLS:
        target = name if each.startswith("worker") else "send_notification.general"
        answer = requests.post(f"{flower.address}/api/{each}/{target}", auth=LOGIN, timeout=20)
        assert (each, answer.status_code) == (each, 403)
    assert own_worker.running
    application.wait(ids := application.raise_alerts("Seen before"))
    until(lambda: flower.tasks().get(ids[0], {}).get("state") == "SUCCESS", "its state")
    flower.stop()
    kept = {"FLOWER_PERSISTENT": "true", "FLOWER_DB": str(tmp_path / "state"), "NOTIFIER_METRICS_OPEN": "on"}
    again = Flower(tmp_path, {**configured, **kept, "NOTIFIER_WEB_PASSWORD": LOGIN[1]}, login=LOGIN)
    try:
        until(again.up, "Flower")
        assert (again.tasks()[ids[0]]["state"], again.tasks()[ids[0]]["kwargs"]) == ("SUCCESS", "title='Seen before'")
        assert requests.get(f"{again.address}/metrics", timeout=20).ok, "by choice"
    finally:
        again.stop()


def _picture(name: str) -> Path:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS / f"{name}.png"
