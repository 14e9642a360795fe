"""Something between the worker and Discord answers for a while: no alert is lost, none is taken for delivered."""

from collections import Counter
from typing import Any

import pytest

from notifier.models import AlertType
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application
from tests.faults.conftest import QUICK, WEBHOOKS, titles_of
from tests.names import names
from tests.servers import until

pytestmark = pytest.mark.slow

EACH = 10
ENOUGH = 7
"""Requests that met it at each webhook: more than all attempts of an alert."""
FORBIDDEN = {"message": "Forbidden", "error": "policy"}
NOT_FOUND = {"message": "404: Not Found", "code": 0}
PAGES: list[dict[str, Any]] = [{"status": status} for status in (200, 302, 400, 401, 403, 404)]
OTHERS: list[dict[str, Any]] = [
    {"status": 200, "body": {}},
    {"status": 403, "body": FORBIDDEN},
    {"status": 404, "body": NOT_FOUND},
    {"status": 401, "body": {"message": "401: Unauthorized", "code": 0}},
    {"status": 204},
    {"status": 511},
]


@pytest.mark.parametrize("answers", [PAGES, OTHERS], ids=["pages", "others"])
def test_of_60_alerts_none_is_lost_or_falsely_delivered_while_every_webhook_meets_another_answer(
    application: Application, sandbox: Sandbox, start_worker: StartWorker, answers: list[dict[str, Any]]
) -> None:
    for webhook_id, answer in zip(WEBHOOKS.values(), answers, strict=True):
        sandbox.fault(webhook_id=webhook_id, kind="intercept", **answer)
    raised = {
        each: f"{kind} {number}"
        for kind in AlertType
        for number in range(EACH)
        for each in application.raise_alerts(f"{kind} {number}", alert_type=kind)
    }
    start_worker(**QUICK | {"DISCORD_BREAKER_FAILURES": "3"})

    def met() -> bool:
        seen = Counter(post["webhook_id"] for post in sandbox.posts())
        return all(seen[webhook_id] >= ENOUGH for webhook_id in WEBHOOKS.values())

    finals = application.pipeline.records.read
    until(lambda: met() or any(finals(list(raised))), "the answers of something else, at every webhook", 90)
    assert Counter(each["status"] for each in finals(list(raised)) if each) == {}, "none is final yet"
    gates = [application.pipeline.redis.hgetall(names.gate(webhook_id)) for webhook_id in WEBHOOKS.values()]
    assert [gate for gate in gates if "quarantined" in gate] == []
    assert [gate for gate in gates if "breaker" not in gate] == [], "it counts for the breaker"
    sandbox.call("DELETE", "faults")
    records = application.wait(list(raised))
    assert Counter(record["status"] for record in records) == {"delivered": len(raised)}
    assert all(record["message_id"] for record in records)
    assert titles_of(sandbox) == Counter(raised.values()), "each once, for none had been posted"
