"""The cost of a filtered query depends on the records it finds, not on all that there are."""

import time
from collections.abc import Callable, Iterator

import pytest

from notifier.models import AlertType
from notifier.operations.history import NotificationHistory
from notifier.outcome import Status
from notifier.storage.connection import connect
from tests.benchmarks.histories import FAILED, at, written

FEW, MANY = 1_000, 100_000
ROUNDS, RUNS = 31, 6
LIMIT = 1.5


@pytest.fixture(scope="module")
def histories(redis_server: str) -> Iterator[dict[int, NotificationHistory]]:
    """A history of few records and one of many, each with as many that failed, spread over all of it."""
    client = connect(redis_server.removesuffix("0") + "2", 60)
    client.flushdb()
    yield {count: written(client, count) for count in (FEW, MANY)}
    client.flushdb()
    client.close()


Query = Callable[[NotificationHistory, int], list[str]]
QUERIES: dict[str, Query] = {
    "status": lambda history, _: [each["id"] for each in history.query(status=Status.FAILED)],
    "type and status": lambda history, _: [
        each["id"] for each in history.query(alert_type=AlertType.ERROR, status=Status.FAILED)
    ],
    "time": lambda history, count: [
        each["id"] for each in history.query(since=at(count // 2), until=at(count // 2 + FAILED - 1))
    ],
    "text among the newest": lambda history, _: [each["id"] for each in history.query(search="ALERT", limit=FAILED)],
}


@pytest.mark.slow
@pytest.mark.parametrize("what", QUERIES)
def test_a_query_over_a_hundred_times_as_many_records_costs_at_most_half_as_much_again(
    histories: dict[int, NotificationHistory], what: str
) -> None:
    query = QUERIES[what]
    times: dict[int, list[float]] = {FEW: [], MANY: []}
    for _ in range(RUNS):
        for _ in range(ROUNDS):
            for count, history in histories.items():  # in turn: both see the same noise
                start = time.perf_counter()
                found = query(history, count)
                times[count].append(time.perf_counter() - start)
                assert len(found) == FAILED
        few, many = (min(times[count]) for count in (FEW, MANY))  # noise only ever adds
        print(f"\n{what}: {few * 1e3:.1f} ms of {FEW:,}, {many * 1e3:.1f} ms of {MANY:,}, ratio {many / few:.2f}")
        if many <= LIMIT * few:
            return
    pytest.fail(f"{many / few:.2f} times as much at best")
