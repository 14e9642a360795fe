"""Unreadable entries are bounded in number and in bytes, and counted."""

import pytest

from notifier.errors import NotificationNotFound
from notifier.outbox import unreadable as module
from notifier.outbox.unreadable import UnreadableEntries, unreadable
from tests.integration.conftest import Bench
from tests.names import names

QUEUE = "notifications.error"


@pytest.fixture
def kept(bench: Bench) -> UnreadableEntries:
    """None yet."""
    return UnreadableEntries(bench.redis, bench.settings)


def set_aside(kept: UnreadableEntries, *entries: bytes, queue: str = QUEUE) -> list[int]:
    """How many older ones were dropped for each."""
    return [kept.set_aside(unreadable(queue, each, "no_envelope", "why")) for each in entries]


def test_an_entry_is_kept_as_it_was_and_counted_under_the_type_of_its_queue(
    kept: UnreadableEntries, bench: Bench
) -> None:
    assert set_aside(kept, b"\xff\x00 x", b"second") == [0, 0]
    set_aside(kept, b"third", queue="")
    assert [entry.raw for entry in kept.list()] == [b"third", b"second", b"\xff\x00 x"], "newest first"
    assert bench.redis.hgetall(names.troubles) == {
        "unreadable|error|no_envelope": "2",
        "unreadable||no_envelope": "1",
    }
    assert bench.redis.ttl(names.unreadable) > 0


def test_only_so_many_are_kept(kept: UnreadableEntries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "UNREADABLE_MAX", 3)
    assert set_aside(kept, *(b"%d" % number for number in range(5))) == [0, 0, 0, 1, 1]
    assert [entry.raw for entry in kept.list()] == [b"4", b"3", b"2"]


def test_only_so_many_bytes_are_kept_and_always_the_newest(
    kept: UnreadableEntries, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "UNREADABLE_MAX_BYTES", 10_000)
    set_aside(kept, *(b"%d" % number * 1_000 for number in range(10)))
    found = kept.list()
    assert [entry.raw[:1] for entry in found] == [b"9", b"8", b"7", b"6", b"5", b"4"]
    assert sum(len(each) for each in bench.redis.zrange(names.unreadable, 0, -1)) <= 10_000
    for entry in found[1:4]:
        kept.drop(entry.id)
    set_aside(kept, b"x" * 20_000)
    assert [entry.raw[:1] for entry in kept.list()] == [b"x"]


def test_of_an_entry_that_is_too_long_the_beginning_is_kept(
    kept: UnreadableEntries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ENTRY_MAX_BYTES", 10)
    set_aside(kept, b"0123456789ab", b"0123456789")
    whole, part = kept.list()
    assert (part.raw, part.size_bytes, part.is_whole) == (b"0123456789", 12, False)
    assert whole.is_whole


def test_each_can_be_dropped_once(kept: UnreadableEntries) -> None:
    set_aside(kept, b"same", b"same")
    first, second = kept.list()
    kept.drop(first.id)
    assert kept.list() == [second]
    with pytest.raises(NotificationNotFound, match=first.id):
        kept.drop(first.id)
