"""A worker that is configured wrongly costs no alert while another can deliver."""

from collections import Counter

import pytest

from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application
from tests.faults.conftest import GENERAL, QUICK, titles_of

VARIABLE = "DISCORD_WEBHOOK_GENERAL"
NONE = ""
OLD_TOKEN = f"webhooks/{GENERAL}/fake-token-old"
DELETED = "webhooks/1000000000000000099/fake-token-deleted"
pytestmark = pytest.mark.slow


def webhook(sandbox: Sandbox, wrong: str) -> str:
    """The variable of a worker with that mistake."""
    return f"{sandbox.address}/api/{wrong}" if wrong else ""


def refused_by_discord(sandbox: Sandbox) -> Counter[int]:
    """How many requests, GET and POST, met a 401 or a 404."""
    statuses = [each["status"] for each in sandbox.call("GET", "requests")]
    return Counter(status for status in statuses if status in (401, 404))


@pytest.mark.parametrize(("wrong", "refused"), [(NONE, 0), (OLD_TOKEN, 1), (DELETED, 1)], ids=["none", "old", "gone"])
@pytest.mark.parametrize("first", ["wrong", "right"])
def test_one_worker_with_a_wrong_webhook_costs_no_alert(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, wrong: str, refused: int, first: str
) -> None:
    settings = [{VARIABLE: webhook(sandbox, wrong)}, {}]
    for each in settings if first == "wrong" else settings[::-1]:
        start_worker(**QUICK, **each)
    ids = application.raise_alerts(*(f"alert {number}" for number in range(100)))
    statuses = Counter(record["status"] for record in application.wait(ids))
    print(statuses, refused_by_discord(sandbox))
    assert statuses == {"delivered": 100}
    assert set(titles_of(sandbox).values()) == {1}
    assert refused_by_discord(sandbox).total() <= refused
