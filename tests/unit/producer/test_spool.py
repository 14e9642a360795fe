"""What is spooled is on the disk, in order, once per id, bounded, and nobody else's to read."""

import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from notifier.errors import BrokerUnavailable, QueueFull
from notifier.models import AlertType, NotificationMessage
from notifier.producer.spool import FILE, Spool, Spooled

PROCESSES, EACH = 4, 15


def alert(title: str, **more: object) -> NotificationMessage:
    return NotificationMessage(title=title, **more)  # type: ignore[arg-type]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool", 100)


def titles(found: list[Spooled]) -> list[str]:
    return [each.message.title for each in found]


def test_alerts_come_out_whole_and_in_order_once_each_and_are_gone_then(spool: Spool) -> None:
    given = [alert(str(number), message="whole", fields={"a": "b"}) for number in range(5)]
    for each in [*given, given[0]]:
        spool.put(each)
    assert spool.count() == 5
    taken: list[Spooled] = []
    assert not spool.flush(taken.append)
    assert [each.message for each in taken] == given
    assert spool.count() == 0


def test_nobody_else_may_read_it(spool: Spool, tmp_path: Path) -> None:
    spool.put(alert("secret"))
    assert stat.S_IMODE(os.stat(tmp_path / "spool").st_mode) == 0o700
    assert stat.S_IMODE(os.stat(tmp_path / "spool" / FILE).st_mode) == 0o600


def test_what_has_no_room_is_refused_aloud(tmp_path: Path) -> None:
    small = Spool(tmp_path, 2)
    small.put(alert("1"))
    small.put(alert("2"))
    with pytest.raises(BrokerUnavailable, match="NOTIFIER_SPOOL_MAX"):
        small.put(alert("3"))
    assert titles(small.list()) == ["1", "2"]


def test_a_folder_that_cannot_be_written_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BrokerUnavailable, match="spool"):
        Spool(tmp_path / "file", 2).put(alert("1"))


def test_what_redis_does_not_take_stays_with_all_behind_it(spool: Spool) -> None:
    for number in range(4):
        spool.put(alert(str(number)))

    def away_at_the_second(each: Spooled) -> None:
        if each.message.title == "1":
            raise BrokerUnavailable("away")

    with pytest.raises(BrokerUnavailable):
        spool.flush(away_at_the_second)
    assert titles(spool.list()) == ["1", "2", "3"]


def test_a_full_outbox_holds_up_its_own_type_only_and_keeps_its_order(spool: Spool) -> None:
    for number in range(3):
        spool.put(alert(f"g{number}"))
        spool.put(alert(f"c{number}", alert_type=AlertType.CRITICAL))

    def general_is_full_for_the_second(each: Spooled) -> None:
        if each.message.title == "g1":
            raise QueueFull("full")

    assert spool.flush(general_is_full_for_the_second) == {AlertType.GENERAL}
    assert titles(spool.list()) == ["g1", "g2"]
    assert spool.count(AlertType.GENERAL) == 2
    assert spool.count(AlertType.CRITICAL) == 0


@pytest.mark.parametrize(
    "change",
    [
        """update alerts set message = '{"title": 1, "nonsense": 2}' where position = 1""",
        """update alerts set alert_type = 'new', message = '{"alert_type": "new"}' where position = 1""",
    ],
    ids=["message", "type"],
)
def test_what_another_version_wrote_holds_up_nobody_and_stays(spool: Spool, change: str) -> None:
    spool.put(alert("foreign"))
    spool.put(alert("ours"))
    with spool._open() as file, file:
        file.execute(change)
    taken: list[Spooled] = []
    spool.flush(lambda each: taken.append(each) if each.message else None)
    assert titles(taken) == ["ours"]
    assert (spool.count(), spool.count(readable=False)) == (0, 1), "it is not tried over and over"
    assert [each.position for each in spool.list()] == [1]


def spool_some(folder: Path, process: int) -> None:
    for number in range(EACH):
        Spool(folder, 1_000, busy_seconds=30).put(alert(f"{process} {number}"))


def test_several_processes_write_and_several_empty_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=spool_some, args=(tmp_path, process)) for process in range(PROCESSES)]
    for each in writers:
        each.start()
    for each in writers:
        each.join(60)
        assert each.exitcode == 0
    spool = Spool(tmp_path, 1_000)
    found = titles(spool.list(1_000))
    assert len(set(found)) == len(found) == PROCESSES * EACH
    for process in range(PROCESSES):
        own = [title for title in found if title.startswith(f"{process} ")]
        assert own == [f"{process} {number}" for number in range(EACH)]
