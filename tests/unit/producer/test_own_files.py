"""A spool is used only where no other user may write: else it is refused, and what is there is not touched."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from notifier.errors import BrokerUnavailable
from notifier.models import NotificationMessage
from notifier.producer import own_files
from notifier.producer.spool import FILE, Spool, Spooled

ALERT = NotificationMessage(title="secret")
NOBODY = 65_534
SUFFIXES = ("", "-journal", "-wal", "-shm")
"""SQLite's own (its documentation, "Temporary Files Used By SQLite")."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """That of a spool which holds an alert."""
    Spool(tmp_path / "spool", 10).put(ALERT)
    return tmp_path / "spool"


def methods(folder: Path) -> dict[str, Callable[[], object]]:
    spool = Spool(folder, 10)
    taken: list[Spooled] = []
    return {
        "put": lambda: spool.put(NotificationMessage(title="next")),
        "list": spool.list,
        "count": spool.count,
        "holds": lambda: spool.holds(ALERT.id),
        "flush": lambda: spool.flush(taken.append),
    }


def assert_refused(folder: Path, says: str) -> None:
    for name, method in methods(folder).items():
        with pytest.raises(BrokerUnavailable, match=says) as refused:
            method()
        assert "NOTIFIER_SPOOL_DIR" in str(refused.value), name


@pytest.mark.parametrize("leads", ["nowhere", "to a file", "to another spool"])
def test_a_symbolic_link_is_not_followed(tmp_path: Path, folder: Path, leads: str) -> None:
    target = {"nowhere": tmp_path / "planted", "to a file": tmp_path / "a file", "to another spool": folder / FILE}[
        leads
    ]
    if leads == "to a file":
        target.write_bytes(b"")
    before = target.read_bytes() if target.exists() else None
    linked = tmp_path / "linked"
    linked.mkdir(mode=0o700)
    (linked / FILE).symlink_to(target)
    assert_refused(linked, "link")
    assert (target.read_bytes() if target.exists() else None) == before, "nothing was written where it leads"


@pytest.mark.parametrize("kind", ["fifo", "folder"])
def test_what_is_no_regular_file_is_refused(tmp_path: Path, kind: str) -> None:
    os.mkfifo(tmp_path / FILE) if kind == "fifo" else (tmp_path / FILE).mkdir()
    assert_refused(tmp_path, "no regular file")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("mode", [0o602, 0o620, 0o666])
def test_a_file_that_others_may_write_is_refused(folder: Path, suffix: str, mode: int) -> None:
    path = folder / f"{FILE}{suffix}"
    path.touch()
    path.chmod(mode)
    assert_refused(folder, "other users may write to it")
    assert path.exists()


@pytest.mark.parametrize("suffix", SUFFIXES[1:])
def test_a_link_beside_the_file_is_refused_too(folder: Path, tmp_path: Path, suffix: str) -> None:
    (folder / f"{FILE}{suffix}").symlink_to(tmp_path / "planted")
    assert_refused(folder, "link")
    assert not (tmp_path / "planted").exists()


def test_a_folder_in_which_others_may_rename_is_refused(folder: Path) -> None:
    folder.chmod(0o777)
    assert_refused(folder, "every user may rename")
    folder.chmod(0o1777)
    assert Spool(folder, 10).count() == 1, "with the sticky bit they may not"


@pytest.mark.parametrize("name", [".", FILE, f"{FILE}-journal"])
def test_what_belongs_to_another_user_is_refused(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen by a process that is not root; the journal of an attacker would be rolled back into our file."""
    real = {"lstat": os.lstat, "stat": os.stat}
    (folder / name).touch()
    foreign = os.stat(folder / name).st_ino

    def looked_at(kind: str) -> Callable[[Path], os.stat_result]:
        def look(path: Path, **more: object) -> os.stat_result:
            found = real[kind](path, **more)  # type: ignore[operator]
            return os.stat_result([*found[:4], NOBODY, *found[5:]]) if found.st_ino == foreign else found

        return look

    monkeypatch.setattr(own_files.os, "geteuid", lambda: os.stat(folder.parent).st_uid or 1_000)
    monkeypatch.setattr(own_files.os, "stat", looked_at("stat"))
    monkeypatch.setattr(own_files.os, "lstat", looked_at("lstat"))
    assert_refused(folder, f"belongs to user {NOBODY}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away: run the tests as root")
def test_root_may_empty_the_spool_of_its_owner_and_takes_no_file_of_a_third(folder: Path) -> None:
    for path in (folder, folder / FILE):
        os.chown(path, NOBODY, NOBODY)
    assert Spool(folder, 10).count() == 1
    os.chown(folder / FILE, NOBODY - 1, NOBODY)
    assert_refused(folder, "belongs to user")
