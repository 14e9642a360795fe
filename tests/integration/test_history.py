"""The history is read in pages: nothing is left out, and nothing comes twice."""

import pytest

from notifier.models import AlertType, NotificationMessage
from notifier.operations import history as history_module
from notifier.operations.history import NotificationHistory
from notifier.outbox.record import as_result, iso, record
from notifier.outcome import Status
from tests.integration.conftest import START, Bench
from tests.names import names

PAGE = 4


@pytest.mark.parametrize("moments", [1, 2, 7, 40], ids=lambda moments: f"{moments} different times")
def test_every_record_comes_once_though_many_have_the_same_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, moments: int
) -> None:
    monkeypatch.setattr(history_module, "PAGE", PAGE)
    for number in range(40):
        kind = (AlertType.GENERAL, AlertType.ERROR)[number % 2]
        message = NotificationMessage(id=f"n{number}", title="t", alert_type=kind)
        at = START + number % moments
        ended = record(message, Status.DELIVERED, admitted_at=at, finished_at=iso(at))
        bench.redis.set(names.result(message.id), as_result(ended), ex=60)
        bench.redis.zadd(names.history(kind), {message.id: at})
        bench.redis.expire(names.history(kind), 60)
    history = NotificationHistory(bench.redis, bench.records, bench.settings)
    found = [each["id"] for each in history.query(limit=100)]
    assert sorted(found) == sorted(f"n{number}" for number in range(40))
    times = [each["finished_at"] for each in history.query(limit=100)]
    assert times == sorted(times, reverse=True)
