"""A page of the history costs as much of Redis however long that is, and a search says how far it has looked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from redis.client import Pipeline

from notifier.cli import main
from notifier.models import AlertType
from notifier.operations.history import PAGE, NotificationHistory, Page
from notifier.outbox.record import Record
from notifier.outcome import Status
from notifier.storage.connection import connect
from tests.benchmarks.histories import FAILED, at, written

FEW, MANY = 200, 20_000
Query = Callable[[NotificationHistory, int], Page]
QUERIES: dict[str, Query] = {
    "the newest": lambda history, _: history.page(limit=50),
    "of a type before a time": lambda history, count: history.page(
        alert_type=AlertType.ERROR, until=at(count - 20), limit=50
    ),
    "of a status": lambda history, _: history.page(status=Status.FAILED, limit=50),
    "with a text": lambda history, _: history.page(search="ALERT", limit=50),
}


@pytest.fixture(scope="module")
def histories(redis_server: str) -> Iterator[dict[int, NotificationHistory]]:
    """One of few records and one of many, each with as many that have failed."""
    client = connect(redis_server.removesuffix("0") + "2", 60)
    client.flushdb()
    yield {count: written(client, count) for count in (FEW, MANY)}
    client.flushdb()
    client.close()


@dataclass
class Cost:
    """What a page has asked: commands for the indexes, ids that these returned, reads of records, records."""

    commands: int = 0
    ids: int = 0
    reads: int = 0
    records: int = 0


def cost(history: NotificationHistory, query: Callable[[], Page]) -> Cost:
    """What a page of as many records as have failed costs."""
    counted, client, records = Cost(), history._redis, history._records

    def pipeline(**options: bool) -> "Pipeline":
        begun: Pipeline = client.pipeline(**options)
        run = begun.execute

        def execute() -> list[list[object]]:
            counted.commands += len(begun)
            found: list[list[object]] = run()
            counted.ids += sum(map(len, found))
            return found

        begun.execute = execute  # type: ignore[assignment,method-assign]
        return begun

    def read(ids: Sequence[str]) -> list[Record | None]:
        counted.reads += 1
        counted.records += len(ids)
        return records.read(ids)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "_redis", SimpleNamespace(pipeline=pipeline))
        patch.setattr(history, "_records", SimpleNamespace(read=read))
        assert len(query().records) == FAILED
    return counted


@pytest.mark.parametrize("what", QUERIES)
def test_a_page_calls_as_many_commands_and_reads_as_many_records_in_a_hundred_times_as_long_a_history(
    histories: dict[int, NotificationHistory], what: str
) -> None:
    few, many = (cost(histories[each], lambda each=each: QUERIES[what](histories[each], each)) for each in (FEW, MANY))
    assert many == few
    assert many.commands <= len(AlertType)
    assert (many.reads, many.records) == (1, PAGE if what == "with a text" else FAILED)


def test_a_search_that_finds_nothing_reads_a_part_and_says_which(histories: dict[int, NotificationHistory]) -> None:
    history = histories[MANY]
    page = history.page(search="nothing has this", limit=50)
    assert (page.records, page.looked_at) == ([], 5_000)
    assert page.looked_back_to == at(MANY - 5_000).isoformat(timespec="microseconds")
    behind = history.page(search="nothing has this", since=at(MANY - 6_000), cursor=page.cursor)
    assert (behind.looked_at, behind.cursor) == (1_000, None), "each once"


def test_records_that_are_gone_count_as_looked_at(
    histories: dict[int, NotificationHistory], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a history of which nothing is left would be read through for one page."""
    nothing = SimpleNamespace(read=lambda ids: [None] * len(ids))
    monkeypatch.setattr(histories[MANY], "_records", nothing)
    page = histories[MANY].page(alert_type=AlertType.ERROR)
    assert (page.records, page.looked_at) == ([], 5_000)


def test_the_command_says_how_far_a_search_has_looked(
    histories: dict[int, NotificationHistory], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("notifier.operations.history.SEARCHED_MAX", 1_000)
    monkeypatch.setattr("notifier.pipeline.client_pipeline", lambda: SimpleNamespace(history=histories[MANY]))
    main(["history", "--search", "nothing has this", "--json"], standalone_mode=False)
    back_to = at(MANY - 1_000).isoformat(timespec="microseconds")
    output, said = capsys.readouterr()
    assert output.strip() == "[]"
    assert said == f"looked at the newest 1,000 records, back to {back_to}; --until {back_to} looks further\n"
