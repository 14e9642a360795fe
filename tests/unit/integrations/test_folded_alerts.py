"""What hooks raise is one incident for each kind; what goes wrong with it harms nobody."""

import logging
import multiprocessing
from collections.abc import Callable
from typing import Any

import pytest

from notifier.errors import BrokerUnavailable, InvalidMessage
from notifier.integrations import folded_alerts
from notifier.integrations.failed_request import QUERY_CHARACTERS, FailedRequest, FailedRequests
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
    """Alerts whose incidents are over after a quiet minute."""
    return FoldedAlerts("error", 60, clock)


def fails(title: str = "T") -> Callable[[], dict[str, Any]]:
    """What makes the fields of an alert."""
    return lambda: {"title": title, "message": "m"}


def test_equal_ones_are_one_incident_whoever_raises_them(folded: FoldedAlerts, alerts: Alerts) -> None:
    for kind in ("a", "a", "b {x}"):
        folded.raise_one(kind, fails())
    FoldedAlerts("error").raise_one("a", fails())
    assert [each.dedup_key for each in alerts.sent] == ["a", "a", "b (x)", "a"]
    assert [each.count for each in alerts.sent] == [1] * 4
    assert [each.dedup_seconds for each in alerts.sent] == [60, 60, 60, 3_600]


def test_without_folding_each_is_an_alert_of_its_own(alerts: Alerts) -> None:
    FoldedAlerts("error", 0).raise_one("a", fails())
    (alert,) = alerts.sent
    assert (alert.dedup_key, alert.adjusted) == (None, ())


def refuse_all(patch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Let nobody take an alert; what is tried."""
    tried: list[dict[str, Any]] = []

    def refuse(fields: dict[str, Any]) -> None:
        tried.append(fields)
        raise BrokerUnavailable("Redis is away")

    patch.setattr(folded_alerts, "_submit", refuse)
    return tried


def test_alerts_that_nobody_takes_are_counted_and_block_once_in_a_while(
    folded: FoldedAlerts,
    clock: Clock,
    alerts: Alerts,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with monkeypatch.context() as patch:
        tried = refuse_all(patch)
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
    assert [each.count for each in alerts.sent] == [4, 5]
    folded.tell_rest()
    assert len(alerts.sent) == 2


@pytest.mark.parametrize("seconds", [60, 0])
def test_the_end_tells_of_what_nobody_took(
    clock: Clock, alerts: Alerts, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    folded = FoldedAlerts("error", seconds, clock)
    folded.tell_rest()
    alerts.assert_none_sent()
    with monkeypatch.context() as patch:
        refuse_all(patch)
        for kind in "abbb":
            folded.raise_one(kind, fails(kind))
    folded.tell_rest()
    folded.tell_rest()
    alerts.assert_sent(title="4 failures were not told one by one", message="3 × b\n1 × a", count=1)


def test_what_nobody_took_of_failed_requests_is_told_when_the_process_ends(
    alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_exit: list[Callable[[], object]] = []
    monkeypatch.setattr("atexit.register", at_exit.append)
    requests = FailedRequests()
    with monkeypatch.context() as patch:
        refuse_all(patch)
        requests.tell(FailedRequest("GET", "/orders/"), ValueError("none"))
    assert not alerts.sent
    for each in at_exit:
        each()
    (alert,) = alerts.sent
    assert (alert.title, alert.message) == ("1 failure was not told one by one", "1 × request/GET /orders//ValueError")


def test_of_a_query_so_much_is_read_and_no_more() -> None:
    read = FailedRequest(
        "GET", "/", query=f"token={'s' * (QUERY_CHARACTERS - len('token=&page=2'))}&page=2&page=3"
    ).details()["query"]
    assert read == "token=(masked) page=2"


def test_nothing_that_goes_wrong_is_raised_into_the_host(
    folded: FoldedAlerts, alerts: Alerts, caplog: pytest.LogCaptureFixture
) -> None:
    folded.raise_one("a", lambda: {"titel": "T"})
    folded.raise_one("b", lambda: {"title": 1 / 0})
    assert {each.levelno for each in caplog.records} == {logging.WARNING}
    alerts.assert_none_sent()


def test_its_memory_is_bounded_and_no_count_is_lost(
    folded: FoldedAlerts, alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        refuse_all(patch)
        for number in range(2 * KEYS_MAX):
            folded.raise_one(str(number), fails())
    assert len(folded._missed) == KEYS_MAX + 1
    folded.tell_rest()
    (rest,) = alerts.sent
    assert rest.title == f"{2 * KEYS_MAX:,} failures were not told one by one"
    assert rest.message.endswith("other kinds")


def test_a_forked_process_tells_only_of_its_own(
    folded: FoldedAlerts, alerts: Alerts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        refuse_all(patch)
        folded.raise_one("a", fails())
    told = multiprocessing.get_context("fork").Queue()

    def child() -> None:
        folded.tell_rest()
        told.put(len(alerts.sent))

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    assert told.get(timeout=20) == 0
    process.join()


def test_a_type_that_there_is_not_is_told_at_once() -> None:
    with pytest.raises(InvalidMessage, match="errors"):
        FoldedAlerts("errors")
