"""What hooks raise is told at once, then counted; what goes wrong with it harms nobody."""

import logging
import multiprocessing
import re
from collections.abc import Callable
from typing import Any

import pytest

from notifier.errors import BrokerUnavailable, InvalidMessage
from notifier.integrations import folded_alerts
from notifier.integrations.folded_alerts import AGAIN_SECONDS, KEYS_MAX, FoldedAlerts
from notifier.testing import Alerts


class Clock:
    """A clock that the test sets."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock."""
    return Clock()


@pytest.fixture
def folded(clock: Clock) -> FoldedAlerts:
    """Folds for a minute."""
    return FoldedAlerts("error", 60, clock)


def fails(title: str = "T") -> Callable[[], dict[str, Any]]:
    """What makes the fields of an alert."""
    return lambda: {"title": title, "message": "m"}


def test_the_first_is_raised_at_once_and_the_next_one_tells_of_the_others(
    folded: FoldedAlerts, clock: Clock, alerts: Alerts
) -> None:
    for _ in range(38):
        folded.raise_one("a", fails())
    folded.raise_one("b", fails("other"))
    assert [each.title for each in alerts.sent] == ["T", "other"]
    clock.now += 60
    folded.raise_one("a", fails())
    folded.raise_one("a", fails())
    assert re.fullmatch(r"m\n\nAnd 37 more since \d\d:\d\d UTC\.", alerts.sent[2].message)
    clock.now += 60
    folded.raise_one("a", fails())
    assert "And 1 more" in alerts.sent[3].message, "what was told is not told again"


def test_the_end_tells_of_what_nobody_has_told(folded: FoldedAlerts, alerts: Alerts) -> None:
    folded.tell_rest()
    alerts.assert_none_sent()
    for kind in "aabbb":
        folded.raise_one(kind, fails(kind))
    folded.tell_rest()
    folded.tell_rest()
    rest = alerts.assert_sent(title=re.compile("^3 more failures since"), count=1)
    assert re.fullmatch(r"a: 1 more since .{9}\nb: 2 more since .{9}", rest.message)


def test_alerts_that_nobody_takes_are_counted_and_block_once_in_a_while(
    folded: FoldedAlerts,
    clock: Clock,
    alerts: Alerts,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tried = []

    def refuse(fields: dict[str, Any]) -> None:
        tried.append(fields)
        raise BrokerUnavailable("Redis is away")

    with monkeypatch.context() as patch:
        patch.setattr(folded_alerts, "_submit", refuse)
        for kind in "aaabbb":
            folded.raise_one(kind, fails(kind))
        assert len(tried) == 1
        clock.now += AGAIN_SECONDS
        folded.raise_one("b", fails("b"))
        assert len(tried) == 2
    assert [each.getMessage() for each in caplog.records] == [
        "a: no alert was raised (Redis is away)",
        "b: no alert was raised (Redis is away)",
    ]
    clock.now += AGAIN_SECONDS
    folded.raise_one("a", fails("a"))
    folded.raise_one("b", fails("b"))
    assert [re.findall(r"And (\d+)", each.message) for each in alerts.sent] == [["3"], ["4"]]


def test_nothing_that_goes_wrong_is_raised_into_the_host(
    folded: FoldedAlerts, alerts: Alerts, caplog: pytest.LogCaptureFixture
) -> None:
    folded.raise_one("a", lambda: {"titel": "T"})
    folded.raise_one("b", lambda: {"title": 1 / 0})
    assert {each.levelno for each in caplog.records} == {logging.WARNING}
    alerts.assert_none_sent()


def test_its_memory_is_bounded_and_no_count_is_lost(folded: FoldedAlerts, alerts: Alerts) -> None:
    for number in range(2 * KEYS_MAX):
        for _ in range(3):
            folded.raise_one(str(number), fails())
    assert len(folded._kinds) <= KEYS_MAX + 1
    alerts.clear()
    folded.tell_rest()
    (rest,) = alerts.sent
    assert rest.title.startswith(f"{2 * 2 * KEYS_MAX} more failures since")
    assert rest.message.endswith("other kinds")


def test_a_forked_process_tells_only_of_its_own(folded: FoldedAlerts, alerts: Alerts) -> None:
    folded.raise_one("a", fails())
    folded.raise_one("a", fails())
    told = multiprocessing.get_context("fork").Queue()

    def child() -> None:
        alerts.clear()
        folded.tell_rest()
        told.put(len(alerts.sent))

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    assert told.get(timeout=20) == 0
    process.join()


def test_a_type_that_there_is_not_is_told_at_once() -> None:
    with pytest.raises(InvalidMessage, match="errors"):
        FoldedAlerts("errors")
