"""What a worker logs of each alert: its id, type, step, reason, wait and message, and none of its texts."""

import logging
from typing import Any

import pytest

from notifier.models import AlertType
from notifier.outbox.disposition import decide, failed_over
from notifier.outcome import Answer, Deferred, Delivered, Failed, Outcome, Reason, Rejected
from notifier.worker.delivery_log import ClaimLog, log_batch
from notifier.worker.step_log import FIELDS
from tests.integration.conftest import ROOMY, WEBHOOK, Bench, MakeBench


@pytest.fixture(autouse=True)
def _at_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def steps(caplog: pytest.LogCaptureFixture) -> list[tuple[int, dict[str, Any]]]:
    found = [(each.levelno, getattr(each, FIELDS)) for each in caplog.records if hasattr(each, FIELDS)]
    caplog.clear()
    return found


def log_of(bench: Bench, outcome: Outcome, *, moves: bool = False, retry_wait_seconds: float = 2.5) -> None:
    batch, answer = bench.batch(), Answer(outcome, ROOMY, 200)
    dispositions = decide(outcome, batch.items, bench.settings.retry_attempts)
    dispositions = failed_over(dispositions) if moves else dispositions
    log_batch(batch, answer, bench.outbox.commit(batch, dispositions, answer, retry_wait_seconds))


def test_each_alert_of_a_request_has_a_line(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.admit("a", "b")
    log_of(bench, Delivered("900", "2000000000000000001"))
    assert steps(caplog) == [
        (logging.INFO, {
            "step": "delivered", "id": each, "type": "general", "message_id": "900",
            "channel_id": "2000000000000000001", "attempts": 1, "webhook_id": WEBHOOK.id,
        })
        for each in ("a", "b")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("outcome", "moves", "level", "fields"),
    [
        (Deferred(7.5, Reason.RATE_LIMITED), False, "INFO",
         {"step": "deferred", "reason": "rate_limited", "wait_seconds": 7.5}),
        (Failed(Reason.BAD_GATEWAY), False, "WARNING",
         {"step": "retried", "reason": "bad_gateway", "wait_seconds": 2.5, "attempts": 1}),
        (Rejected(Reason.FORBIDDEN), False, "ERROR", {"step": "dead", "status": "rejected", "reason": "forbidden"}),
        (Rejected(Reason.FORBIDDEN), True, "WARNING", {"step": "moved", "reason": "forbidden"}),
    ],
)  # fmt: skip
def test_what_became_of_it_is_told(
    make_bench: MakeBench, caplog: pytest.LogCaptureFixture, outcome: Outcome, moves: bool, level: str,
    fields: dict[str, Any],
) -> None:  # fmt: skip
    bench = make_bench(fallback=AlertType.MONITORING)
    bench.admit("a", message="a secret word")
    log_of(bench, outcome, moves=moves)
    assert "secret" not in caplog.text
    ((found_level, found),) = steps(caplog)
    assert (logging.getLevelName(found_level), found["id"]) == (level, "a")
    assert found.items() >= fields.items()


def test_what_an_outbox_waits_for_is_told_once_until_it_is_something_else(
    make_bench: MakeBench, caplog: pytest.LogCaptureFixture
) -> None:
    bench, log = make_bench(breaker_failures=1, breaker_open_seconds=300), ClaimLog(300)
    bench.admit("a")
    log_of(bench, Failed(Reason.BAD_GATEWAY))
    bench.tick(5)
    caplog.clear()
    for _ in range(3):
        log.note(AlertType.GENERAL, bench.claim())
    ((_, told),) = steps(caplog)
    assert told.items() >= {"step": "waiting", "type": "general", "reason": "breaker_open"}.items()
    assert 290 < told["wait_seconds"] <= 300
    bench.tick(300)
    log.note(AlertType.GENERAL, bench.batch())
    log.note(AlertType.GENERAL, bench.claim())
    assert steps(caplog) == [], "another request under way is no wait"
