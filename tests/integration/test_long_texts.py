"""Texts are stored once: in the outbox while they wait; of what has ended, only a dead letter keeps all of them."""

import json
from typing import Any

import pytest
from celery import Celery
from celery.result import AsyncResult

from notifier.errors import NotDelivered
from notifier.models import AlertType, NotificationMessage
from notifier.operations.dead_letters import DeadLetters
from notifier.outbox import records as records_module
from notifier.outbox.digest import Digests
from notifier.outbox.progress import Progress
from notifier.outbox.record import Record
from notifier.outcome import Reason, Rejected, Status
from tests.integration.conftest import Bench, MakeBench
from tests.names import names

TEXT = ("long € " * 100_000).strip()
FIELDS = [{"name": f"field {number}", "value": "x" * 10_000} for number in range(20)]
LONG: dict[str, Any] = {"message": TEXT, "fields": FIELDS, "metadata": {"order": 7, "all": "y" * 50_000}}
REJECTED = Rejected(Reason.FORBIDDEN)
WAYS = ("delivered", "dead", "folded", "refused", "withdrawn", "buried")
KEPT_BYTES = 14_000
"""Of one alert that has ended, its text (4 kB), its other parts (4 kB), escapes and the rest of a record."""


class Publisher:
    """Takes what is sent again."""

    def __init__(self) -> None:
        self.taken: list[NotificationMessage] = []

    def submit_again(self, message: NotificationMessage, progress: Progress, *, maybe_posted: bool) -> None:
        """Take it."""
        self.taken.append(message)


def end(bench: Bench, how: str) -> Record:
    """A long alert that ends in this way; its id is ``how``."""
    message = NotificationMessage(id=how, title="T", **LONG)
    match how:
        case "folded":
            assert Digests(bench.redis, bench.settings.model_copy(update={"queue_size": 0})).fold(message) == "folded"
        case "refused":
            bench.records.refuse(message, Status.QUEUE_FULL, "queue_full", "no room")
        case "buried":
            stands_for_it = NotificationMessage(id=how, title="T")
            given = json.dumps({"args": [], "kwargs": {"titel": "typo", **LONG}})
            bench.records.bury(stands_for_it, Status.REJECTED, "invalid_message", "titel", given=given)
        case "withdrawn":
            bench.outbox.admit(message)
            bench.withdrawals.withdraw(how)
        case _:
            bench.outbox.admit(message)
            bench.commit(bench.batch(), REJECTED if how == "dead" else None)
    return bench.record(how)


def bytes_of(bench: Bench, how: str) -> int:
    """What Redis holds of one alert, but for the indexes."""
    keys = (names.notification(how), names.result(how))
    return sum(int(bench.redis.memory_usage(key, samples=0) or 0) for key in keys)


@pytest.mark.parametrize("how", ["delivered", "folded", "refused", "withdrawn"])
def test_the_history_keeps_the_beginnings(bench: Bench, how: str) -> None:
    record = end(bench, how)
    assert record["message"]["message"].startswith(TEXT[:1_000])
    assert record["cut_from_bytes"] > len(TEXT.encode())
    assert record["message"]["metadata"] == {"order": 7}
    assert bytes_of(bench, how) < KEPT_BYTES


def test_how_much_is_a_setting(make_bench: MakeBench) -> None:
    record = end(make_bench(history_text_bytes=100), "delivered")
    assert record["message"]["message"].partition("…")[0] == TEXT.encode()[:100].decode(errors="ignore")
    everything = end(make_bench(history_text_bytes=2**23), "folded")
    assert everything["message"] == {**everything["message"], **LONG}
    assert "cut_from_bytes" not in everything


@pytest.mark.parametrize("how", ["dead", "buried"])
@pytest.mark.parametrize("forgotten", [False, True])
def test_a_dead_letter_keeps_all_of_them_once_and_is_sent_again_whole(
    bench: Bench, redis_url: str, how: str, forgotten: bool
) -> None:
    end(bench, how)
    publisher = Publisher()
    letters = DeadLetters(bench.redis, bench.settings, bench.records, publisher)  # type: ignore[arg-type]
    assert bytes_of(bench, how) < 1.3 * len(json.dumps(LONG)), "once"
    result = AsyncResult(how, app=Celery("any", broker=redis_url, backend=redis_url, set_as_current=False))
    with pytest.raises(NotDelivered):
        result.get(timeout=5)
    if forgotten:
        result.forget()
    (listed,) = letters.list()
    assert len(json.dumps(listed)) < KEPT_BYTES
    whole = letters.get(how)
    given = json.loads(whole["given"])["kwargs"] if how == "buried" else whole["message"]
    assert {name: given[name] for name in LONG} == LONG
    assert "cut_from_bytes" not in whole
    letters.replay(how, {"titel": None, "title": "T"} if how == "buried" else None)
    (again,) = publisher.taken
    assert (again.message, len(again.fields)) == (TEXT, len(FIELDS))
    assert bytes_of(bench, how) < 2 * KEPT_BYTES, "the new alert has them now"


def test_a_dead_letter_that_is_dropped_for_there_are_too_many_keeps_the_beginnings(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records_module, "DEAD_LETTERS_MAX", 1)
    end(bench, "dead")
    bench.admit("another")
    bench.tick(1)
    bench.commit(bench.batch(), REJECTED)
    assert bench.redis.zrange(names.dead_letters(AlertType.GENERAL), 0, -1) == ["another"]
    assert bytes_of(bench, "dead") < 2 * KEPT_BYTES


@pytest.mark.parametrize("how", WAYS)
def test_a_short_one_is_kept_as_it_is(bench: Bench, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    short = {"message": "short", "fields": [{"name": "a", "value": "b"}], "metadata": {"order": 7}}
    monkeypatch.setattr("tests.integration.test_long_texts.LONG", short)
    record = end(bench, how)
    assert "cut_from_bytes" not in record
    assert not bench.redis.hexists(names.notification(how), "whole")
    if how == "buried":
        assert json.loads(record["given"])["kwargs"] == {"titel": "typo", **short}
    else:
        assert record["message"] == {**record["message"], **short}


def test_a_dead_letter_whose_hash_redis_has_forgotten_has_its_record(bench: Bench) -> None:
    bench.admit("dead", **LONG)
    batch = bench.batch()
    bench.redis.delete(names.notification("dead"))
    bench.commit(batch, REJECTED)
    assert bench.record("dead")["message"]["message"].startswith(TEXT[:1_000])


@pytest.mark.slow
def test_long_ones_that_have_expired_are_not_all_claimed_at_once(bench: Bench) -> None:
    half = {"fields": [{"name": "f", "value": "x" * 90_000}] * 50}
    bench.admit("a", "b", "c", **half)
    bench.admit("short", "too")
    bench.tick(bench.settings.expire_seconds + 1)
    claimed = []
    while not claimed or claimed[-1][-1] != "too":
        batch = bench.batch()
        claimed.append([each.id for each in batch.messages])
        bench.commit(batch, Rejected(Reason.EXPIRED))
    assert claimed == [["a"], ["b"], ["c", "short", "too"]]
