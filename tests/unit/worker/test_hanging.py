"""Of each request that hangs somebody is told, once."""

from dataclasses import replace

import pytest

from notifier.models import AlertType
from notifier.outbox.claim import Batch
from notifier.worker.hanging import HangingBatches

BATCH = Batch(AlertType.ERROR, "one", 0, None, None, ())
OTHER = replace(BATCH, token="other")


@pytest.fixture
def hanging() -> HangingBatches:
    """One that notes whom it tells of."""
    return HangingBatches()


@pytest.fixture
def told(hanging: HangingBatches) -> list[str]:
    """The tokens."""
    found: list[str] = []
    hanging.tell = lambda batch: found.append(batch.token)
    return found


def test_who_looks_tells_once_of_what_has_begun_longer_ago(hanging: HangingBatches, told: list[str]) -> None:
    hanging.begins(BATCH)
    hanging.look(60)
    assert told == []
    for _ in range(2):
        hanging.look(-1)
    assert told == ["one"]


def test_what_a_slot_has_told_of_is_not_told_again_once_a_thread_begins_it(
    hanging: HangingBatches, told: list[str]
) -> None:
    hanging.begins(BATCH)
    hanging.hangs(BATCH)
    hanging.begins(BATCH)  # a thread is free at last
    hanging.look(-1)
    assert told == ["one"]


def test_nobody_is_told_of_what_has_ended_and_nothing_is_kept_of_it(hanging: HangingBatches, told: list[str]) -> None:
    for batch in (BATCH, OTHER):
        hanging.begins(batch)
    hanging.hangs(OTHER)
    for batch in (BATCH, OTHER):
        hanging.ends(batch)
        hanging.hangs(batch)
    hanging.look(-1)
    assert told == ["other"]
    assert not hanging._under_way


def test_one_of_whom_nobody_could_be_told_keeps_no_other_back(
    hanging: HangingBatches, told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    note = hanging.tell

    def fail_at_first(batch: Batch) -> None:
        note(batch)
        if batch is BATCH:
            raise RuntimeError("Flower is away")

    hanging.tell = fail_at_first
    for batch in (BATCH, OTHER):
        hanging.begins(batch)
    hanging.look(-1)
    assert told == ["one", "other"]
    assert "nobody was told that a request hangs" in caplog.text
