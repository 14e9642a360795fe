"""The history is read in pages: nothing is left out, and nothing comes twice."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from notifier.cli import main
from notifier.models import AlertType, NotificationMessage
from notifier.operations import history as history_module
from notifier.operations.history import NotificationHistory
from notifier.outbox.record import as_result, iso, record
from notifier.outcome import Status
from tests.integration.conftest import SECOND, START, Bench
from tests.names import names

PAGE = 4
TITLES = {"street": "Straße"}


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


def stored(bench: Bench, *rows: tuple[str, AlertType, Status, int]) -> NotificationHistory:
    """A history of these: id, type, status, seconds after the start."""
    for name, kind, status, seconds in rows:
        at = START + seconds * SECOND
        message = NotificationMessage(id=name, title=TITLES.get(name, name), alert_type=kind, message="Body of it")
        ended = record(message, status, admitted_at=iso(at), finished_at=iso(at), reason="bad_gateway")
        bench.redis.set(names.result(name), as_result(ended), ex=60)
        for key in (names.history(kind), names.history(kind, status)):
            bench.redis.zadd(key, {name: at})
            bench.redis.expire(key, 60)
    return NotificationHistory(bench.redis, bench.records, bench.settings)


def test_each_condition_leaves_out_what_does_not_fit_it(bench: Bench) -> None:
    general, error = AlertType.GENERAL, AlertType.ERROR
    history = stored(
        bench,
        *(("old", general, Status.DELIVERED, 0), ("street", error, Status.DELIVERED, 10)),
        *(("bad", general, Status.FAILED, 20), ("new", general, Status.DELIVERED, 30)),
    )

    def found(**conditions: Any) -> list[str]:
        return [each["id"] for each in history.query(**conditions)]

    def after(seconds: int) -> datetime:
        return datetime.fromtimestamp(START / SECOND + seconds, UTC)

    assert found() == ["new", "bad", "street", "old"]
    assert found(limit=2) == ["new", "bad"]
    assert found(alert_type=error) == ["street"]
    assert found(status=Status.FAILED) == ["bad"]
    assert found(status=(Status.FAILED, Status.EXPIRED)) == ["bad"]
    assert found(status=(Status.FAILED, Status.DELIVERED), alert_type=general) == ["new", "bad", "old"]
    assert found(since=after(10), until=after(20)) == ["bad", "street"], "both ends count"
    assert found(search="STRASSE") == ["street"]
    assert found(search="body OF", limit=9) == ["new", "bad", "street", "old"]
    assert found(search="bad_gate", alert_type=general, status=Status.DELIVERED, since=after(1)) == ["new"]
    assert found(search="nothing of it") == []


def test_an_index_that_is_behind_lists_no_record_of_another_status(bench: Bench) -> None:
    history = stored(bench, ("a", AlertType.GENERAL, Status.DELIVERED, 0))
    behind = names.history(AlertType.GENERAL, Status.FAILED)
    bench.redis.zadd(behind, {"a": START})
    bench.redis.expire(behind, 60)
    assert history.query(status=Status.FAILED) == []


def test_the_command_finds_all_that_ended_badly_by_one_word(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(status.value, AlertType.GENERAL, status, number) for number, status in enumerate(Status)]
    here = SimpleNamespace(history=stored(bench, *rows))
    monkeypatch.setattr("notifier.pipeline.client_pipeline", lambda: here)

    def found(status: str) -> list[str]:
        shown = CliRunner().invoke(main, ["history", "--status", status, "--json"])
        return [each["id"] for each in json.loads(shown.output)]

    assert found("failed") == ["queue_full", "expired", "unknown", "failed", "rejected"]
    assert found("expired") == ["expired"]
