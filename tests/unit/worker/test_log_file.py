"""The log file of workers that share a folder: no line is lost, nobody waits for another, and nobody else reads it."""

import fcntl
import logging
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.worker.log_file import SharedLogFile

WRITER = Path(__file__).with_name("log_writer.py")

PROCESSES, LINES, KEPT = 3, 1_000, 90
FULL = 2_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "notifications.log"


@pytest.fixture
def file(path: Path) -> Iterator[SharedLogFile]:
    handler = SharedLogFile(path, FULL, 3)
    yield handler
    handler.close()


def log(handler: logging.Handler, text: str) -> None:
    handler.handle(logging.makeLogRecord({"msg": text}))


def test_processes_and_their_children_lose_no_line_through_many_rotations(path: Path) -> None:
    arguments = [str(path), str(FULL), str(KEPT)]
    writers = [
        subprocess.Popen([sys.executable, str(WRITER), *arguments, f"process{number}", str(LINES)])
        for number in range(PROCESSES)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * PROCESSES
    files = list(path.parent.glob("notifications.log*"))
    assert 10 < len(files) < KEPT
    found = Counter(line for each in files for line in each.read_text(encoding="utf-8").splitlines())
    names = [f"process{number} {kind}" for number in range(PROCESSES) for kind in ("parent", "child")]
    assert found == Counter(f"{name} {number} ÿ" for name in names for number in range(LINES))
    assert {each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {0o600}


def test_processes_that_rotate_under_load_keep_so_many_files_and_each_line_whole(path: Path) -> None:
    lines = 300
    writers = [
        subprocess.Popen([sys.executable, str(WRITER), str(path), str(FULL), "3", f"process{number}", str(lines)])
        for number in range(PROCESSES)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * PROCESSES
    files = [path, *(path.with_name(f"{path.name}.{number}") for number in (1, 2, 3))]
    # their number: while one process rotates, the others append, so a file may be somewhat larger
    assert set(path.parent.glob("notifications.log*")) <= set(files)
    found = [line for each in files if each.exists() for line in each.read_text(encoding="utf-8").splitlines()]
    assert [line for line in found if not re.fullmatch(r"process\d (parent|child) \d+ ÿ", line)] == []
    assert len(found) == len(set(found)) > 100


def test_it_keeps_so_many_old_files_the_newest_first(path: Path, file: SharedLogFile) -> None:
    for text in "abcdef":
        log(file, text * (FULL - 1))
    kept = [path, *(path.with_name(f"{path.name}.{number}") for number in (1, 2, 3))]
    assert [each.read_text()[0] for each in kept] == ["f", "e", "d", "c"]
    assert set(path.parent.glob(f"{path.name}*")) == set(kept)


def test_what_another_process_has_rotated_meanwhile_is_not_rotated_again(
    path: Path, file: SharedLogFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_late(*_: object) -> None:
        path.rename(path.with_name("rotated"))
        path.write_text("the other's\n")

    log(file, "a" * FULL)
    monkeypatch.setattr(fcntl, "flock", too_late)
    log(file, "b")
    assert path.read_text() == "the other's\nb\n"


def test_while_another_process_rotates_or_is_frozen_at_it_nobody_waits(path: Path, file: SharedLogFile) -> None:
    log(file, "a" * FULL)
    assert not path.with_name(f"{path.name}.1").exists(), "there was nothing to rotate"
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        log(file, "b")
    assert path.read_text().splitlines() == ["a" * FULL, "b"]
    log(file, "c")
    assert path.read_text() == "c\n"


def test_a_file_that_another_process_has_moved_away_is_left_for_the_new_one(path: Path, file: SharedLogFile) -> None:
    log(file, "before")
    path.rename(path.with_name("moved"))
    log(file, "after")
    assert (path.with_name("moved").read_text(), path.read_text()) == ("before\n", "after\n")


def test_files_of_an_earlier_version_are_closed_to_others(path: Path) -> None:
    path.parent.mkdir()
    old = path.with_name(f"{path.name}.2")
    for each in (path, old):
        each.touch(mode=0o644)
        each.chmod(0o644)
    SharedLogFile(path).close()
    assert {each.stat().st_mode & 0o777 for each in (path, old)} == {0o600}


def test_what_is_no_file_is_written_to_and_left_as_it_is(path: Path) -> None:
    path.parent.mkdir()
    reader, writer = os.pipe()
    path.symlink_to(f"/dev/fd/{writer}")
    handler = SharedLogFile(path, 1, 3)
    log(handler, "a line \ud800")
    handler.close()
    assert os.read(reader, 100) == b"a line \\ud800\n"
    assert path.is_symlink()
    os.close(reader), os.close(writer)
