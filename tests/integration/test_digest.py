"""What meets a full outbox is folded: bounded in what is kept of it, and none is left out of the digest."""

import pytest

from notifier.models import AlertType, NotificationMessage
from notifier.outbox import digest as digest_module
from notifier.outbox.digest import Digests
from tests.integration.conftest import Bench, MakeBench, by_test_clock
from tests.names import names

DIGEST = names.outbox(AlertType.GENERAL, "digest")


@pytest.fixture
def full(make_bench: MakeBench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A bench whose outbox holds one alert, and has it."""
    monkeypatch.setattr(digest_module, "script", by_test_clock)
    bench = make_bench(queue_size=1)
    bench.admit("fits")
    return bench


def fold(bench: Bench, *titles: str) -> Digests:
    """Fold alerts with these titles, a second apart."""
    flood = Digests(bench.redis, bench.settings)
    for title in titles:
        assert flood.fold(NotificationMessage(id=f"id-{title}", title=title)) == "folded"
        bench.tick(1)
    return flood


def test_the_digest_counts_every_alert_however_many_titles_it_can_tell_apart(
    full: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest_module, "TITLES_MAX", 3)
    flood = fold(full, *(f"t{number}" for number in range(8)))
    assert full.redis.hlen(DIGEST) <= 3 + 4, "count, first, last, others, and the titles"
    full.commit(full.batch())
    assert flood.tell(AlertType.GENERAL)
    full.tick(1)
    (message,) = full.batch().messages
    assert message.title == "8 more"
    told = [line.split(" × ") for line in message.message.splitlines()]
    assert sum(int(times) for times, _ in told) == 8
    assert told[-1][1] == "others"
    assert [field.value for field in message.fields] == ["2027-01-15 08:00:00 UTC", "2027-01-15 08:00:07 UTC"]


def test_records_of_folded_alerts_are_bounded_and_the_oldest_give_way(
    full: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digest_module, "FOLDED_MAX", 3)
    fold(full, *(f"t{number}" for number in range(5)))
    kept = ["id-t2", "id-t3", "id-t4"]
    for key in (names.folded(AlertType.GENERAL), names.history(AlertType.GENERAL), names.unrecorded):
        assert full.redis.zrange(key, 0, -1) == kept
    assert [full.redis.exists(names.notification(f"id-t{number}")) for number in range(5)] == [0, 0, 1, 1, 1]
    assert full.redis.hget(DIGEST, "count") == "5", "the digest tells of all"


def test_a_digest_goes_though_the_flood_lasts(full: Bench) -> None:
    flood = fold(full, "a", "b")
    assert not flood.tell(AlertType.GENERAL), "no room, and it is young"
    full.redis.hset(DIGEST, "first_at", 1)
    assert flood.tell(AlertType.GENERAL)
    assert full.outbox.depth(AlertType.GENERAL) == 2, "one above the bound"
    fold(full, "c")
    full.redis.hset(DIGEST, "first_at", 1)
    assert not flood.tell(AlertType.GENERAL), "and never two"


def test_where_there_is_room_nothing_is_folded(make_bench: MakeBench) -> None:
    bench = make_bench(queue_size=1)
    assert Digests(bench.redis, bench.settings).fold(NotificationMessage(title="fits")) == "room"


def test_a_fold_is_told_of(full: Bench) -> None:
    fold(full, "a", "b")
    assert full.redis.hget(names.troubles, "folded|general|") == "2"


def test_one_that_is_folded_while_the_digest_is_written_is_in_the_next(
    full: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    flood = fold(full, "a")
    full.commit(full.batch())
    written = digest_module._message

    def meanwhile(alert_type: AlertType, found: dict[str, str]) -> NotificationMessage:
        monkeypatch.undo()
        full.redis.hincrby(DIGEST, "count", 1)
        full.redis.hincrby(DIGEST, "title:b", 1)
        return written(alert_type, found)

    monkeypatch.setattr(digest_module, "_message", meanwhile)
    assert not flood.tell(AlertType.GENERAL)
    assert full.outbox.depth(AlertType.GENERAL) == 0
    assert flood.tell(AlertType.GENERAL)
    full.tick(1)
    assert [message.title for message in full.batch().messages] == ["2 more"]
