"""A dead letter is sent again as one new alert, whole and as it is mended; each of the two refers to the other."""

import json
from typing import Any

import pytest

from notifier.errors import InvalidMessage, NotificationNotFound, QueueFull
from notifier.models import AlertType, NotificationMessage
from notifier.operations.dead_letters import DeadLetters
from notifier.outbox.progress import NO_PROGRESS, Progress
from notifier.outcome import Reason, Rejected, Status
from tests.integration.conftest import Bench, MakeBench
from tests.names import names

REJECTED = Rejected(Reason.INVALID_PAYLOAD)


class FakePublisher:
    """Takes what is sent again."""

    def __init__(self) -> None:
        self.taken: list[NotificationMessage] = []
        self.full = False

    def submit_again(self, message: NotificationMessage, progress: Progress, *, maybe_posted: bool) -> None:
        """Take it; there may be no room."""
        assert (progress, maybe_posted) == (NO_PROGRESS, False)
        if self.full:
            raise QueueFull("no room")
        self.taken.append(message)


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


def letters_of(bench: Bench, publisher: FakePublisher) -> DeadLetters:
    return DeadLetters(bench.redis, bench.settings, bench.records, publisher)  # type: ignore[arg-type]


@pytest.fixture
def letters(bench: Bench, publisher: FakePublisher) -> DeadLetters:
    return letters_of(bench, publisher)


def die(bench: Bench, *ids: str, **more: Any) -> None:
    """Dead letters, a second apart."""
    for each in ids:
        bench.admit(each, **more)
        bench.commit(bench.batch(), REJECTED)
        bench.tick(1)


def bury(bench: Bench, given: dict[str, Any]) -> None:
    """One that reached a worker with fields that cannot be taken."""
    message = NotificationMessage(id="a", title="a", alert_type=AlertType.GENERAL)
    bench.records.bury(message, Status.REJECTED, "invalid_message", "wrong", given=json.dumps(given))


def test_what_was_given_is_stored_beside_the_record_only_if_that_is_too_short_for_it(bench: Bench) -> None:
    bury(bench, {"titel": "T"})
    assert bench.redis.hget(names.notification("a"), "given") is None


def test_they_are_listed_newest_first(bench: Bench, letters: DeadLetters) -> None:
    die(bench, "first", "second", "third")
    assert [each["id"] for each in letters.list()] == ["third", "second", "first"]
    assert [each["id"] for each in letters.list(limit=2)] == ["third", "second"]


def test_a_replay_has_one_id_however_often_it_is_begun_and_keeps_what_it_was(
    bench: Bench, letters: DeadLetters, publisher: FakePublisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    die(bench, "a", message="all of it", metadata={"order": 7})

    def die_here(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(letters, "_take_out", die_here)
        with pytest.raises(KeyboardInterrupt):
            letters.replay("a")
    again = letters.replay("a")
    first, second = publisher.taken
    assert first.id == second.id == again != "a"
    assert (second.title, second.message) == ("a", "all of it")
    assert second.metadata == {"order": 7, "replay_of": "a"}
    with pytest.raises(NotificationNotFound):
        letters.replay("a")


def test_what_is_taken_out_stays_in_the_history_for_its_time(
    bench: Bench, letters: DeadLetters, publisher: FakePublisher
) -> None:
    die(bench, "sent-again", "given-up")
    history_life = bench.settings.history_days * 86_400
    assert bench.redis.ttl(names.result("sent-again")) > history_life
    letters.replay("sent-again")
    letters.drop("given-up")
    assert letters.list() == []
    for each in ("sent-again", "given-up"):
        for key in (names.notification(each), names.result(each)):
            assert 0 < bench.redis.ttl(key) <= history_life
    taken_out = ["replayed_as", "dropped", "taken_out_at"]
    assert bench.redis.hmget(names.notification("sent-again"), taken_out)[:2] == [publisher.taken[0].id, None]
    assert bench.redis.hmget(names.notification("given-up"), taken_out)[:2] == [None, "1"]
    with pytest.raises(NotificationNotFound):
        letters.get("given-up")


def test_without_room_it_stays_a_dead_letter(bench: Bench, letters: DeadLetters, publisher: FakePublisher) -> None:
    die(bench, "a")
    publisher.full = True
    with pytest.raises(QueueFull):
        letters.replay("a")
    assert [each["id"] for each in letters.list()] == ["a"]


def test_what_could_not_be_taken_is_sent_as_it_is_mended(
    bench: Bench, letters: DeadLetters, publisher: FakePublisher
) -> None:
    bury(bench, {"args": [], "kwargs": {"titel": "typo", "message": "m", "metadata": "no mapping"}})
    with pytest.raises(InvalidMessage, match="titel"):
        letters.replay("a", {"title": "right"})
    letters.replay("a", {"title": "right", "titel": None})
    (taken,) = publisher.taken
    assert (taken.title, taken.message, taken.metadata) == ("right", "m", {"replay_of": "a"})


def test_what_was_given_by_position_is_sent_as_its_worker_has_read_it(
    bench: Bench, letters: DeadLetters, publisher: FakePublisher
) -> None:
    bury(bench, {"args": ["T"], "kwargs": {"colour": "red"}, "fields": {"title": "T", "colour": "red"}})
    letters.replay("a", {"colour": None})
    assert publisher.taken[0].title == "T"


def test_a_history_that_is_kept_for_longer_keeps_dead_letters_as_long(make_bench: MakeBench) -> None:
    bench = make_bench(history_days=60)
    die(bench, "a")
    for key in (names.result("a"), names.notification("a"), names.dead_letters("general")):
        assert bench.redis.ttl(key) == pytest.approx(60 * 86_400, abs=5)
