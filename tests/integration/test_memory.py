"""The bytes that wait in all outboxes are bounded, and the count of them is right whatever has left an outbox."""

from itertools import count, cycle
from typing import Any

import pytest

from notifier.errors import QueueFull
from notifier.models import AlertType, NotificationMessage
from notifier.outbox import digest as digest_module
from notifier.outbox.admission import Admitted
from notifier.outbox.capacity import RESERVES
from notifier.outbox.digest import Digests
from notifier.outbox.disposition import decide, failed_over
from notifier.outbox.terms import Terms
from notifier.outcome import Answer, Reason, Rejected
from tests.integration.conftest import OTHER_WEBHOOK, WEBHOOK, Bench, MakeBench, by_test_clock
from tests.names import names

BOUND = 1_000_000
TEXT = "x" * 30_000
GONE = Rejected(Reason.WEBHOOK_QUARANTINED)
URGENT = (AlertType.CRITICAL, AlertType.SECURITY)


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    """A bench whose outboxes hold a million bytes, and more alerts than that."""
    return make_bench(memory_bytes_max=BOUND, queue_size=5_000)


def fill(bench: Bench, kind: AlertType = AlertType.GENERAL, text: str = TEXT, first: int = 0, **more: Any) -> int:
    """Admit alerts of one type until one does not fit; how many did."""
    numbers = count(first)

    def admit_all() -> None:
        while True:
            bench.admit(f"{kind}-{next(numbers)}", alert_type=kind, message=text, **more)

    with pytest.raises(QueueFull, match="NOTIFIER_MEMORY_BYTES_MAX"):
        admit_all()
    return next(numbers) - first - 1


def held(bench: Bench) -> int:
    """The bytes of all messages that wait."""
    keys = bench.redis.scan_iter("notifier:notification:*")
    return sum(bench.redis.hstrlen(key, field) for key in keys for field in ("message", "callbacks"))


def leave(bench: Bench, way: str, kind: AlertType = AlertType.GENERAL) -> None:
    """Let the first alert leave its outbox."""
    match way:
        case "delivered" | "dead":
            bench.commit(bench.batch(), Rejected(Reason.INVALID_PAYLOAD) if way == "dead" else None)
        case "withdrawn":
            bench.withdrawals.withdraw(f"{kind}-0")
        case "expired":
            bench.redis.hset(names.notification(f"{kind}-0"), "expires_at", bench.gate.now())
            bench.commit(bench.batch(), Rejected(Reason.EXPIRED))
        case "its key expired":
            bench.redis.delete(names.notification(f"{kind}-0"))
        case "ended by 0.2":  # it knows of no count
            before = bench.redis.hgetall(names.memory)
            bench.commit(bench.batch())
            bench.redis.hset(names.memory, mapping=before)
        case "moved and delivered there":
            batch = bench.batch()
            moved = failed_over(decide(GONE, batch.items, 3))
            bench.outbox.commit(batch, moved, Answer(GONE, None, 404), 2)
            bench.commit(bench.batch(OTHER_WEBHOOK, AlertType.CRITICAL))


WAYS = (
    "delivered",
    "dead",
    "withdrawn",
    "expired",
    "its key expired",
    "ended by 0.2",
    "moved and delivered there",
)


@pytest.mark.parametrize("way", WAYS)
def test_as_many_bytes_fit_again_as_have_left_in_any_way(make_bench: MakeBench, way: str) -> None:
    bench = make_bench(memory_bytes_max=BOUND, queue_size=5_000, fallback=AlertType.CRITICAL)
    fitted = fill(bench)
    assert fitted > 20
    assert BOUND * (1 - 7 / RESERVES) < held(bench) <= BOUND
    leave(bench, way)
    assert fill(bench, first=fitted) == 1
    assert held(bench) <= BOUND
    bench.redis.delete(*bench.redis.keys("notifier:*"))
    assert fill(bench) == fitted, "all is gone"


def test_what_waits_and_was_not_counted_is_counted_when_it_matters_and_within_a_minute(bench: Bench) -> None:
    fitted = fill(bench)
    for kind in AlertType:  # what version 0.2 has admitted, or what is left of a count that was lost
        bench.redis.hset(names.memory, mapping={kind: 0, "total": 0})
    assert fill(bench, first=fitted) <= fitted, "no more than once"
    assert 0 < bench.redis.pttl(names.memory) <= 60_000 + 2 * fitted
    bench.redis.delete(names.memory)
    bench.commit(bench.batch())
    assert held(bench) > BOUND * 0.8
    assert fill(bench, first=2 * fitted) == 0


def test_what_is_postponed_and_what_is_under_way_waits_as_well(bench: Bench) -> None:
    bench.admit("first", message=TEXT)
    fitted = fill(bench, terms=Terms(after_seconds=60))
    bench.batch()
    bench.redis.delete(names.memory)
    assert fill(bench, first=fitted) == 0


def test_one_that_is_known_is_known_though_there_is_no_room(bench: Bench) -> None:
    fill(bench)
    known = bench.outbox.admit(NotificationMessage(id="general-0", title="general-0", message=TEXT))
    assert known is Admitted.KNOWN


def test_what_does_not_fit_is_folded_like_what_is_too_many(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digest_module, "script", by_test_clock)
    fitted = fill(bench)
    digests, another = Digests(bench.redis, bench.settings), NotificationMessage(id="a", title="a", message=TEXT)
    assert digests.fold(another) == "folded"
    bench.commit(bench.batch())
    assert digests.fold(another.model_copy(update={"id": "b"})) == "room"
    assert fill(bench, first=fitted) == 1
    assert digests.fold(another.model_copy(update={"id": "c"})) == "folded"
    assert digests.fold(NotificationMessage(id="d", title="d", message=TEXT), Terms(callbacks=TEXT)) == "folded"
    assert bench.redis.hget(names.outbox(AlertType.GENERAL, "digest"), "count") == "3"


def test_what_hangs_on_an_alert_is_counted_as_well(bench: Bench) -> None:
    fitted = fill(bench)
    bench.redis.flushdb()
    bench.redis.set("test:clock", 1, ex=60)
    assert fill(bench, terms=Terms(callbacks=TEXT)) == fitted // 2


def test_a_flood_of_one_type_leaves_each_other_its_part(bench: Bench) -> None:
    text = "x" * (BOUND // RESERVES // 4)
    fill(bench, text=text)
    for kind in AlertType:
        assert kind is AlertType.GENERAL or fill(bench, kind, text) >= 3
    assert held(bench) <= BOUND


def test_under_the_same_load_what_is_urgent_folds_last(bench: Bench) -> None:
    folded: list[AlertType] = []
    for number, kind in enumerate(cycle(AlertType)):
        try:
            bench.admit(f"{number}", alert_type=kind, message="x" * 5_000)
        except QueueFull:
            folded.append(kind)
            if kind in URGENT:
                break
    assert {kind for kind in AlertType if kind not in URGENT} <= set(folded)
    assert held(bench) <= BOUND


def test_one_that_is_larger_than_all_goes_alone(bench: Bench, make_bench: MakeBench) -> None:
    bench = make_bench(memory_bytes_max=1_000)
    assert fill(bench) == 1
    bench.commit(bench.batch())
    assert fill(bench, first=1) == 1


@pytest.mark.slow
def test_many_are_not_counted_for_each_that_does_not_fit(make_bench: MakeBench) -> None:
    bench = make_bench(memory_bytes_max=400_000, queue_size=5_000)
    fitted = fill(bench, text="x" * 80)
    assert fitted > 1_200
    calls = bench.redis.info("commandstats")["cmdstat_hstrlen"]["calls"]
    bench.commit(bench.batch(WEBHOOK))
    for number in range(5):
        with pytest.raises(QueueFull):
            bench.admit(f"more {number}", message="x" * 80)
    assert bench.redis.info("commandstats")["cmdstat_hstrlen"]["calls"] == calls, "not yet"
    bench.tick(0.1)
    assert fill(bench, text="x" * 80, first=fitted) in (9, 10)


def test_what_meets_a_full_outbox_is_told_the_room_that_it_had(make_bench: MakeBench) -> None:
    bench = make_bench(queue_size=1, queue_overflow="digest")
    bench.admit("a")
    with pytest.raises(QueueFull, match=r"^1 general alert is waiting already"):
        bench.admit("b")
    bench.admit("c", severity="critical")
    with pytest.raises(QueueFull, match=r"^2 general alerts are waiting already"):
        bench.admit("d", severity="critical")
    bench.admit("e", "f", alert_type=AlertType.CRITICAL)
    with pytest.raises(QueueFull, match=r"^2 critical alerts are waiting already"):
        bench.admit("g", alert_type=AlertType.CRITICAL)


def test_what_joins_an_alert_that_waits_counts_in_the_total(bench: Bench) -> None:
    for _ in range(3):
        bench.outbox.admit(NotificationMessage(title="a", message=TEXT, dedup_key="k", dedup_seconds=60))
    total, own = bench.redis.hmget(names.memory, "total", "general")
    assert total == own
    assert int(own) > 2 * len(TEXT), "more than the one that it joins"
