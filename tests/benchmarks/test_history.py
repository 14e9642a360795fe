"""The cost of a filtered query depends on the records it finds, not on all that there are."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from notifier.models import AlertType, NotificationMessage
from notifier.operations.history import NotificationHistory
from notifier.outbox.record import as_result, iso, record
from notifier.outbox.records import Records
from notifier.outcome import Status
from notifier.settings import Settings
from notifier.storage.connection import connect
from notifier.storage.keys import Keys

START = 1_800_000_000_000_000
SECOND = 1_000_000
FEW, MANY = 1_000, 100_000
FAILED = 50
ROUNDS = 31
LIFE_SECONDS = 3_600


@pytest.fixture(scope="module")
def histories(redis_server: str) -> Iterator[dict[int, NotificationHistory]]:
    """A history of few records and one of many, each with as many that failed, spread over all of it."""
    client = connect(redis_server.removesuffix("0") + "2", 60)
    client.flushdb()
    found = {}
    for count in (FEW, MANY):
        settings = Settings.load().model_copy(update={"key_prefix": f"notifier:{count}:"})
        keys = Keys(settings.key_prefix)
        pipeline = client.pipeline(transaction=False)
        for number in range(count):
            status = Status.FAILED if number % (count // FAILED) == 0 else Status.DELIVERED
            message = NotificationMessage(id=f"n{number}", title=f"alert {number}", alert_type=AlertType.ERROR)
            at = START + number * SECOND
            ended = record(message, status, admitted_at=at, finished_at=iso(at))
            pipeline.set(keys.result(message.id), as_result(ended), ex=LIFE_SECONDS)
            for key in (keys.history(AlertType.ERROR), keys.history(AlertType.ERROR, status)):
                pipeline.zadd(key, {message.id: at})
            if number % 1_000 == 999:
                pipeline.execute()
        for status in ("", *Status):
            client.expire(keys.history(AlertType.ERROR, status), LIFE_SECONDS)
        found[count] = NotificationHistory(client, Records(client, settings), settings)
    yield found
    client.flushdb()
    client.close()


def at(number: int) -> datetime:
    return datetime.fromtimestamp((START + number * SECOND) / SECOND, UTC)


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
    for _ in range(ROUNDS):
        for count, history in histories.items():  # in turn: both see the same noise
            start = time.perf_counter()
            found = query(history, count)
            times[count].append(time.perf_counter() - start)
            assert len(found) == FAILED
    few, many = (min(times[count]) for count in (FEW, MANY))  # noise only ever adds
    print(f"\n{what}: {few * 1e3:.1f} ms of {FEW:,}, {many * 1e3:.1f} ms of {MANY:,}, ratio {many / few:.2f}")
    assert many <= 1.5 * few
