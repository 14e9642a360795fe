"""systemd learns that a worker is ready, that it goes round, and that it stops; without systemd nothing happens."""

import logging
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest

from notifier.pulse import Pulse
from notifier.worker.service_manager import ServiceManager
from tests.systemd import Systemd

PULSE = Pulse("mail@host", 1, ("error", "security"))
AWAY = replace(PULSE, unready="Redis does not take its heartbeat")


@pytest.fixture
def systemd() -> Iterator[Systemd]:
    found = Systemd()
    yield found
    found.close()


def test_it_is_told_once_that_a_worker_is_ready_and_each_time_that_it_moves(systemd: Systemd) -> None:
    manager = ServiceManager(systemd.address)
    for pulse in (AWAY, PULSE, PULSE, AWAY):
        manager.tell(pulse)
    manager.stopping()
    away = "STATUS=Redis does not take its heartbeat"
    assert systemd.told() == [
        *("WATCHDOG=1", away),
        *("WATCHDOG=1", "READY=1", "STATUS=delivers error, security"),
        "WATCHDOG=1",
        *("WATCHDOG=1", away),
        "STOPPING=1",
    ]


def test_a_worker_that_stands_still_is_not_said_to_move(systemd: Systemd) -> None:
    ServiceManager(systemd.address).tell(replace(PULSE, stuck="its main loop stands still for 130 s"))
    assert systemd.told() == ["READY=1", "STATUS=its main loop stands still for 130 s"]


def test_without_systemd_nothing_is_told_and_one_that_is_gone_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    ServiceManager().tell(PULSE)
    assert caplog.records == []
    manager = ServiceManager("@nobody-listens-there")
    for _ in range(2):
        manager.tell(PULSE)
    (record,) = caplog.records
    assert (record.levelno, record.getMessage()) == (
        *(logging.WARNING, "NOTIFY_SOCKET: the service manager was not told (ConnectionRefusedError)"),
    )


def test_what_finds_no_room_is_told_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    address = "\0" + tmp_path_factory.mktemp("full").as_posix()[-80:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as busy:
        busy.bind(address)
        busy.setblocking(False)
        manager, other = ServiceManager(f"@{address[1:]}"), ServiceManager(f"@{address[1:]}")
        while other._is_well:
            other.stopping()
        manager.tell(PULSE)
        with suppress(BlockingIOError):
            while True:
                busy.recv(4_096)
        manager.tell(PULSE)
        assert busy.recv(4_096).decode().splitlines() == ["WATCHDOG=1", "READY=1", "STATUS=delivers error, security"]
