"""What ``explain`` tells of an alert before it has ended, and of what became of it elsewhere."""

import pytest

from notifier.models import NotificationMessage
from notifier.operations.explain import TWICE, Step, explain
from notifier.operations.waiting import UNDER_WAY
from notifier.outbox.outbox import lease_seconds
from notifier.outbox.record import iso
from notifier.outbox.withdrawals import MAYBE_POSTED
from notifier.outcome import Deferred, Failed, Reason, Rejected, Unknown
from tests.integration.conftest import CLOCK, SECOND, START, WEBHOOK, WORKER, Bench
from tests.integration.partitions import beat, same_clock
from tests.names import names

__all__ = ["same_clock"]


def steps(bench: Bench, notification_id: str) -> list[Step]:
    return explain(bench.redis, names, bench.records, notification_id)


def told(bench: Bench, notification_id: str) -> list[str]:
    return [step.what for step in steps(bench, notification_id)]


def clock(seconds: float) -> str:
    return iso(START + round(seconds * SECOND))[:19].replace("T", " ") + " UTC"


def test_one_under_way_says_who_claimed_it_when_with_how_many_others_and_until_when(bench: Bench) -> None:
    beat(bench, WEBHOOK)
    bench.admit("a", "b", "c")
    bench.tick(5)
    batch = bench.batch()
    bench.tick(1)
    lease = f"leased until {clock(5 + lease_seconds(bench.settings))} at the latest"
    *_, claimed, last = steps(bench, "b")
    assert (claimed.at.isoformat(timespec="microseconds"), claimed.what) == (
        iso(START + 5 * SECOND),
        f"claimed by {WORKER}@here with 2 others; {lease}",
    )
    assert last.what == UNDER_WAY
    bench.commit(batch)
    assert [each for each in told(bench, "b") if "claimed" in each] == [], "it is told as carried"


def test_what_happened_while_it_was_under_way_is_told_behind_its_claim(bench: Bench) -> None:
    bench.admit("a")
    batch = bench.batch()
    bench.tick(1)
    bench.withdrawals.withdraw("a")
    bench.tick(1)
    claimed, late = told(bench, "a")[1:3]
    assert (claimed.startswith("claimed by "), late) == (True, "not withdrawn: in flight")
    bench.commit(batch)
    assert told(bench, "a")[1:3] == ["carried", "not withdrawn: in flight"]


@pytest.mark.parametrize("known", [["worker"], []])
def test_of_one_that_was_claimed_by_version_0_2_it_says_until_when(bench: Bench, known: list[str]) -> None:
    bench.admit("a")
    bench.batch()
    state = names.outbox("general", "state")
    bench.redis.hdel(state, *{"claimed", "worker"}.difference(known))
    by = f" by {WORKER}" if known else ""
    assert told(bench, "a")[-1] == (
        f"{UNDER_WAY}{by}; leased until {clock(lease_seconds(bench.settings))} at the latest"
    )
    bench.redis.delete(state)
    assert told(bench, "a")[-1] == UNDER_WAY


def test_one_that_another_worker_has_taken_over_says_so(bench: Bench) -> None:
    bench.admit("a")
    bench.batch()
    bench.redis.incrby(CLOCK, round(lease_seconds(bench.settings) * SECOND) + 1)
    bench.batch()
    *_, lost, last = told(bench, "a")
    assert lost == "its worker was lost with the request under way"
    assert last.startswith(f"{UNDER_WAY} by {WORKER}; leased until ")


@pytest.mark.parametrize("outcome", [None, Rejected(Reason.UNKNOWN_CHANNEL)])
def test_one_that_may_have_been_posted_before_says_so_and_its_record_too(
    bench: Bench, outcome: Rejected | None
) -> None:
    bench.admit("a", "b")
    bench.commit(bench.batch(), Unknown(Reason.READ_TIMEOUT), None)
    bench.tick(3)
    bench.admit("c")
    bench.commit(bench.batch(), Deferred(1, Reason.RATE_LIMITED), None)
    bench.tick(61)
    bench.commit(bench.batch(), outcome)
    assert [bench.record(each).get("maybe_posted") for each in "abc"] == [True, True, None]
    assert told(bench, "a")[-1] == (MAYBE_POSTED if outcome else TWICE)
    assert not {TWICE, MAYBE_POSTED}.intersection(told(bench, "c"))
    assert "maybe_posted" not in str(bench.redis.get(names.result("c"))), "it costs nothing where there is no doubt"


def test_one_whose_first_part_may_be_there_twice_says_so_at_its_end(bench: Bench) -> None:
    text = "\n".join("x" * 60 for _ in range(100))
    bench.outbox.admit(NotificationMessage(id="long", title="long", message=text, long_text="split"))
    for outcome in (Unknown(Reason.READ_TIMEOUT), None, Failed(Reason.BAD_GATEWAY), None):
        bench.commit(bench.batch(), outcome)
        bench.tick(3)
    assert len(bench.record("long")["message_ids"]) == 2
    assert bench.record("long")["maybe_posted"]


def test_one_that_is_withdrawn_and_may_be_there_all_the_same_says_so(bench: Bench) -> None:
    bench.admit("a")
    bench.commit(bench.batch(), Unknown(Reason.READ_TIMEOUT), None)
    bench.withdrawals.withdraw("a")
    assert bench.record("a")["maybe_posted"]
    assert told(bench, "a")[-1] == MAYBE_POSTED
