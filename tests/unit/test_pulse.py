"""The file by which a worker is seen: who lives, who stands still, and whose file is believed."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from celery.exceptions import WorkerShutdown, WorkerTerminate
from celery.worker import state
from click.testing import CliRunner
from kombu.asynchronous.timer import Timer
from kombu.exceptions import OperationalError

from notifier.cli import main
from notifier.pulse import STALE_SECONDS, Pulse, PulseFile, pulse_folder, read_pulses
from notifier.worker.motion import Motion
from notifier.worker.transport import Connection

MINE = Pulse("mail@host", os.getpid(), ("general", "security"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NOTIFIER_RUN_DIR", str(tmp_path / "run"))
    return tmp_path / "run"


def told(command: str, *arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, [command, *arguments])
    return done.exit_code, done.output.strip()


def ended_pid() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(30)
    return ended.pid


def test_a_worker_that_moves_lives_and_is_ready(folder: Path) -> None:
    PulseFile(folder, MINE.worker).write(MINE)
    assert read_pulses(folder) == [MINE]
    assert told("live") == (0, "mail@host lives")
    assert told("ready") == (0, "mail@host is ready")
    worker = {"worker": "mail@host", "pid": MINE.pid, "types": ["general", "security"], "problem": None}
    assert json.loads(told("live", "--json")[1]) == {"live": True, "folder": str(folder), "workers": [worker]}


def test_one_that_cannot_deliver_lives_and_is_not_ready(folder: Path) -> None:
    PulseFile(folder, MINE.worker).write(replace(MINE, unready="Redis does not take its heartbeat"))
    assert told("live")[0] == 0
    assert told("ready") == (1, "mail@host: Redis does not take its heartbeat")


def test_without_a_worker_neither_is_well(folder: Path) -> None:
    assert told("live") == (1, f"No worker of this user runs here: none has written to {folder}")
    assert told("ready")[0] == 1
    PulseFile(folder, MINE.worker).write(MINE)
    assert told("live", "--worker", "other@host")[0] == 1
    assert told("live", "--worker", "mail@host")[0] == 0


def test_one_that_stands_still_does_not_live(folder: Path) -> None:
    PulseFile(folder, MINE.worker).write(replace(MINE, stuck="its main loop stands still for 130 s"))
    assert told("live") == (1, "mail@host: its main loop stands still for 130 s")
    assert told("ready")[0] == 1


@pytest.mark.parametrize("seconds", [-STALE_SECONDS - 5, STALE_SECONDS + 3600])
def test_a_file_that_is_not_renewed_is_of_one_that_stands_still(folder: Path, seconds: float) -> None:
    PulseFile(folder, MINE.worker).write(MINE)
    (path,) = folder.iterdir()
    os.utime(path, (time.time() + seconds, time.time() + seconds))
    assert told("live")[0] == 1
    assert "stands still" in told("live")[1]


def test_a_killed_worker_is_gone_at_once_and_its_file_with_the_next(folder: Path) -> None:
    killed = replace(MINE, pid=ended_pid())
    PulseFile(folder, "old@host").write(killed)
    assert told("live")[0] == 1
    PulseFile(folder, MINE.worker).write(MINE)
    assert told("live") == (0, "mail@host lives")
    assert len(list(folder.iterdir())) == 1


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="told by /proc, which Linux has")
def test_a_killed_worker_whose_parent_has_not_asked_for_it_is_gone_too(folder: Path) -> None:
    killed = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays
    PulseFile(folder, "old@host").write(replace(MINE, pid=killed.pid))
    PulseFile(folder, MINE.worker).write(MINE)
    found = read_pulses(folder)
    killed.wait(30)
    assert found == [MINE]


def test_two_workers_of_a_machine_are_both_asked(folder: Path) -> None:
    PulseFile(folder, MINE.worker).write(MINE)
    PulseFile(folder, "b@host").write(Pulse("b@host", os.getppid(), stuck="its sweeper stands still for 400 s"))
    assert told("live") == (1, "b@host: its sweeper stands still for 400 s; mail@host lives")


def test_a_folder_that_others_can_change_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("open", "link"):
        with pytest.raises(PermissionError, match="other users"):
            PulseFile(tmp_path / name, "mail@host")
    assert pulse_folder(None).name == f"notifier-{os.geteuid()}"


def test_what_is_no_pulse_is_passed_over(folder: Path) -> None:
    PulseFile(folder, MINE.worker).write(MINE)
    for number, text in enumerate(("", "[]", "{}", '{"worker": 1}')):
        (folder / f"worker-{number}.json").write_text(text)
    (folder / "worker-later.json").write_text(json.dumps({"worker": "n@host", "pid": MINE.pid, "more": 1}))
    assert [each.worker for each in read_pulses(folder)] == ["mail@host", "n@host"]


def test_a_probe_imports_neither_the_settings_nor_redis(folder: Path) -> None:
    program = (
        "import sys\nfrom notifier.cli import main\n"
        "try:\n    main(['ready'])\nexcept SystemExit:\n    pass\n"
        "print([each for each in ('pydantic', 'celery', 'redis', 'requests') if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1:] == ["[]"]


def test_a_loop_that_goes_round_no_more_is_named() -> None:
    now = [0.0]
    motion = Motion({"main loop": 120, "sweeper": 300}, lambda: now[0])
    now[0] = 119
    motion.note("sweeper")
    assert motion.stuck == ""
    now[0] = 130
    assert motion.stuck == "its main loop stands still for 130 s"
    motion.note("main loop")
    assert motion.stuck == ""


def test_the_main_loop_is_seen_to_move_from_each_connection_on() -> None:
    from tasks.consumer import Consumer
    from tasks.pulse import Tick, motion

    class Parent:
        timer = Timer()
        consumes = False

    motion._last["main loop"] = before = time.monotonic() - 1_000
    tick, parent = Tick(Parent()), Parent()
    tick.start(parent)
    assert parent.consumes
    (entry,) = [each.entry for each in parent.timer.queue]
    entry()
    assert motion._last["main loop"] > before
    tick.stop(parent)
    assert not parent.consumes
    motion._last["main loop"] = before
    Consumer.waits(object())  # type: ignore[arg-type]
    assert motion._last["main loop"] > before, "while it waits for the broker, too"


@pytest.mark.parametrize(("told", "raises"), [("should_stop", WorkerShutdown), ("should_terminate", WorkerTerminate)])
def test_a_worker_that_is_told_to_end_waits_for_no_broker(
    monkeypatch: pytest.MonkeyPatch, told: str, raises: type[SystemExit]
) -> None:
    from tasks.consumer import Consumer

    monkeypatch.setattr("kombu.utils.functional.sleep", lambda _: None)
    kind = type("Waiting", (Connection,), {"waits": Consumer.waits})
    connection = kind("redis://localhost:1/0")
    monkeypatch.setattr(state, told, 0)
    with pytest.raises(raises):
        connection.ensure_connection(None, 3)
    with ThreadPoolExecutor() as pool, pytest.raises(OperationalError):  # the main thread ends it
        pool.submit(connection.ensure_connection, None, 3).result()


def test_a_connection_tells_each_second_that_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kombu.utils.functional.sleep", lambda _: None)
    waits, called = [], []
    kind = type("Waiting", (Connection,), {"waits": staticmethod(lambda: waits.append(1))})
    connection = kind("redis://localhost:1/0")
    with pytest.raises(OperationalError):
        connection.ensure_connection(None, 2, interval_start=3, callback=lambda: called.append(1))
    assert len(waits) == len(called) >= 3
