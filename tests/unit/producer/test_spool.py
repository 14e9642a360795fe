"""What is spooled is on the disk, in order, once per id, bounded, and readable by its user alone."""

import multiprocessing
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from notifier.errors import BrokerUnavailable, QueueFull
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.payload import PAYLOAD_VERSION
from notifier.outbox.terms import NO_TERMS, Terms
from notifier.producer import spool as spool_module
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


def test_what_takes_too_many_bytes_is_refused_aloud_and_the_room_is_used_again(tmp_path: Path) -> None:
    """A file is a third longer here, as base64."""
    small = Spool(tmp_path, 100, bytes_max=1_000_000)
    files = [("dump.bin", bytes(100_000))]
    small.put(alert("first", files=files))
    for number in range(5):
        small.put(alert(str(number), files=files))
    with pytest.raises(BrokerUnavailable, match="NOTIFIER_SPOOL_BYTES_MAX"):
        small.put(alert("last", files=[*files, *files]))
    small.put(alert("a small one fits"))
    small.flush(lambda _: None)
    assert small.count() == 0
    for number in range(6):
        small.put(alert(str(number), files=files))


def test_no_other_user_may_read_it(spool: Spool, tmp_path: Path) -> None:
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


def test_a_folder_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
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
def test_what_another_version_wrote_holds_up_no_other_and_stays(spool: Spool, change: str) -> None:
    spool.put(alert("foreign"))
    spool.put(alert("ours"))
    with spool._open() as file, file:
        file.execute(change)
    taken: list[Spooled] = []
    spool.flush(lambda each: taken.append(each) if each.message else None)
    assert titles(taken) == ["ours"]
    assert (spool.count(), spool.count(readable=False)) == (0, 1), "it is not tried over and over"
    assert [each.position for each in spool.list()] == [1]


OF_0_2 = (
    """
create table if not exists alerts (
    position integer primary key autoincrement,
    id text not null unique,
    alert_type text not null,
    message text not null,
    spooled_at real not null,
    maybe_posted integer not null,
    unreadable_to text not null default ''
)
""",
    "insert into alerts (id, alert_type, message, spooled_at, maybe_posted) values (?, ?, ?, ?, ?)",
)
"""How version 0.2 makes its file, and writes to it."""


def written_by_0_2(folder: Path, title: str) -> None:
    folder.mkdir(exist_ok=True)
    with closing(sqlite3.connect(folder / FILE)) as file, file:
        for statement, values in zip(OF_0_2, ((), (title, "general", f'{{"title": "{title}"}}', 1.5, 1)), strict=True):
            file.execute(statement, values)


def test_a_file_of_version_0_2_is_read_and_both_versions_may_go_on_writing(tmp_path: Path) -> None:
    written_by_0_2(tmp_path, "old")
    spool = Spool(tmp_path, 100)
    assert [(each.message.title, each.spooled_at, each.maybe_posted, each.terms) for each in spool.list()] == [
        ("old", 1.5, True, NO_TERMS)
    ]
    spool.put(alert("new"), Terms(callbacks="[]"))
    written_by_0_2(tmp_path, "old again")
    assert [(each.message.title, each.terms) for each in Spool(tmp_path, 100).list()] == [
        ("old", NO_TERMS),
        ("new", Terms(callbacks="[]")),
        ("old again", NO_TERMS),
    ]


def test_what_a_later_version_wrote_waits_for_it_though_this_one_could_take_it_for_its_own(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 100)
    spool.put(alert("later"))
    spool.put(alert("ours"))
    with closing(sqlite3.connect(tmp_path / FILE)) as file, file:
        file.execute("alter table alerts add column priority integer not null default 0")
        file.execute("update alerts set version = ?, priority = 9 where position = 1", (PAYLOAD_VERSION + 1,))
    spool.put(alert("ours too"))
    taken: list[Spooled] = []
    spool.flush(lambda each: taken.append(each) if each.message else None)
    assert titles(taken) == ["ours", "ours too"]
    with closing(sqlite3.connect(tmp_path / FILE)) as file:
        assert file.execute("select priority from alerts").fetchall() == [(9,)], "whole"


def test_an_alert_keeps_its_terms_as_times_that_go_on_while_it_is_here(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_800_000_000.0]
    monkeypatch.setattr(spool_module, "time", SimpleNamespace(time=lambda: clock[0]))
    spool.put(alert("a"), Terms(after_seconds=60, expires_seconds=90, callbacks="[]"))
    clock[0] += 20
    assert spool.list()[0].terms == Terms(40, 70, "[]")
    clock[0] += 80
    assert spool.list()[0].terms == Terms(0, -10, "[]"), "it is due, and has expired"


def spool_some(folder: Path, process: int) -> None:
    for number in range(EACH):
        Spool(folder, 1_000, busy_seconds=30).put(alert(f"{process} {number}"))


@pytest.mark.slow
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
