"""The message of an incident that others have pushed out of view is posted anew, at the cost of a few requests."""

from typing import Any

import pytest

from notifier.gate.gate import lease_seconds
from notifier.models import MessageFile
from notifier.outbox.batch_item import Request
from notifier.outbox.claim import Batch
from notifier.outbox.incident import SPACING_SECONDS
from notifier.outcome import Delivered, Reason, Rejected, Unknown
from tests.integration.conftest import Bench
from tests.integration.incidents import CHANNEL, KEY, admit, bench, count, field, is_idle, opened, show

__all__ = ["bench"]

AFTER = {"dedup_repost_after": 3}


def come_behind(bench: Bench, number: int, channel_id: str = CHANNEL) -> None:
    for _ in range(number):
        bench.admit(f"other-{bench.redis.incr('others')}")
        bench.commit(bench.batch(), Delivered("800", channel_id))
        bench.tick(1)


def replaced(bench: Bench, message_id: str = "902") -> dict[str, Any]:
    """Carry a change that deletes the message and posts another one; returns the embed of that."""
    assert show(bench, Delivered(None, None))[0] is Request.DELETE
    request, embed = show(bench, message_id=message_id)
    assert request is Request.POST
    bench.tick(2 * SPACING_SECONDS)
    return embed


def test_it_is_posted_anew_once_so_many_of_ours_came_behind_it(bench: Bench) -> None:
    opened(bench, **AFTER)
    come_behind(bench, 2)
    admit(bench, "second", **AFTER)
    assert show(bench)[0] is Request.EDIT
    bench.tick(SPACING_SECONDS)
    come_behind(bench, 1)
    admit(bench, "third", **AFTER)
    assert count(replaced(bench)) == 3
    come_behind(bench, 2)
    admit(bench, "fourth", **AFTER)
    assert show(bench, message_id="902")[0] is Request.EDIT, "it counts from the new one on"


def test_what_came_in_other_channels_or_before_it_is_not_behind_it(bench: Bench) -> None:
    come_behind(bench, 3)
    opened(bench, **AFTER)
    come_behind(bench, 3, "2000000000000000009")
    admit(bench, "second", **AFTER)
    assert show(bench)[0] is Request.EDIT


def test_nothing_is_posted_anew_unless_it_is_asked_for(bench: Bench) -> None:
    opened(bench)
    come_behind(bench, 5)
    admit(bench, "second")
    assert show(bench)[0] is Request.EDIT


@pytest.mark.parametrize("change", [{"resolved": True}, {"update": True, "progress": 0.5}])
def test_so_is_one_that_is_over_or_updated(bench: Bench, change: dict[str, Any]) -> None:
    opened(bench, message="/var", mentions=("<@1>",), **AFTER)
    come_behind(bench, 3)
    admit(bench, "change", title=KEY, **change)
    embed = replaced(bench)
    assert (embed["title"].removeprefix("✅ "), embed["description"]) == ("Disk full", "/var")
    assert bool(field(embed, "Resolved")) == ("resolved" in change)
    assert is_idle(bench)


def test_one_with_files_that_a_change_keeps_stays_where_it_is(bench: Bench) -> None:
    opened(bench, files=(MessageFile(name="df.txt", content=b"97 %"),), **AFTER)
    come_behind(bench, 3)
    admit(bench, "update", title=KEY, update=True, progress=0.5)
    assert show(bench)[0] is Request.EDIT
    bench.tick(SPACING_SECONDS)
    admit(bench, "second", **AFTER)
    assert show(bench, Delivered(None, None))[0] is Request.DELETE, "a repeat has files of its own, or none"


def test_a_worker_that_is_lost_between_both_costs_no_second_message(bench: Bench) -> None:
    opened(bench, **AFTER)
    come_behind(bench, 3)
    admit(bench, "second", **AFTER)
    assert bench.batch().items[0].request is Request.DELETE
    bench.tick(120)
    abandoned = bench.batch()
    assert abandoned.abandoned
    bench.commit(abandoned, Unknown(Reason.WORKER_LOST))
    bench.tick(60)
    assert show(bench, Rejected(Reason.UNKNOWN_CHANNEL, "Unknown Message"))[0] is Request.DELETE
    batch = bench.batch()
    assert (batch.items[0].request, batch.items[0].maybe_posted) == (Request.POST, False)
    bench.commit(batch, Delivered("902", CHANNEL))
    assert is_idle(bench)


def test_a_count_that_has_begun_anew_counts_what_came_since(bench: Bench) -> None:
    come_behind(bench, 20)
    opened(bench, **AFTER)
    (counter,) = bench.redis.keys("*:posted")
    assert 0 < bench.redis.ttl(counter) < 40 * 86_400
    bench.redis.delete(counter)
    come_behind(bench, 2)
    admit(bench, "second", **AFTER)
    assert show(bench)[0] is Request.EDIT
    bench.tick(SPACING_SECONDS)
    come_behind(bench, 1)
    admit(bench, "third", **AFTER)
    assert count(replaced(bench)) == 3


def test_a_commit_that_is_repeated_counts_no_message_twice(bench: Bench) -> None:
    opened(bench, **AFTER)
    bench.admit("other")
    batch = bench.batch()
    for _ in range(3):
        bench.commit(batch, Delivered("800", CHANNEL))
    bench.tick(1)
    admit(bench, "second", **AFTER)
    assert show(bench)[0] is Request.EDIT


def test_behind_one_whose_commit_came_late_is_what_came_later(bench: Bench) -> None:
    come_behind(bench, 3)
    admit(bench, "first", **AFTER)
    late = bench.batch()
    bench.tick(lease_seconds(bench.settings) + 1)
    bench.commit(bench.batch(), Unknown(Reason.WORKER_LOST))
    bench.commit(late, Delivered("901", CHANNEL))
    bench.tick(2 * SPACING_SECONDS)
    come_behind(bench, 2)
    admit(bench, "second", **AFTER)
    assert show(bench)[0] is Request.EDIT


@pytest.mark.parametrize("fields", [{}, {"repeat": "replace"}, {"dedup_repost_after": 1}], ids=repr)
def test_whatever_becomes_of_its_message_a_storm_costs_what_its_seconds_allow(
    bench: Bench, fields: dict[str, Any]
) -> None:
    seconds, requests = 60, 0
    for number in range(seconds * 2):
        admit(bench, f"storm-{number}", **fields)
        admit(bench, f"storm-{number}-again", **fields)
        batch = bench.claim()
        if isinstance(batch, Batch):
            requests += 1
            bench.commit(batch, Delivered("901", CHANNEL))
        bench.tick(0.5)
    assert seconds // SPACING_SECONDS / 2 < requests <= seconds // SPACING_SECONDS + 2
    while not is_idle(bench):
        bench.tick(2 * SPACING_SECONDS)
        _, embed = show(bench)
    assert count(embed) == seconds * 4
