"""Probes tell a worker that waits for Redis, which lives, from one that is gone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from notifier.cli import main
from tests.conftest import StartWorker
from tests.servers import OwnRedis, until
from tests.systemd import Systemd


def asked(command: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, [command])
    return done.exit_code, done.output.strip()


@pytest.fixture
def systemd() -> Iterator[Systemd]:
    found = Systemd()
    yield found
    found.close()


@pytest.mark.slow
def test_a_worker_without_redis_lives_and_is_not_ready(
    start_worker: StartWorker, own_redis: OwnRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, systemd: Systemd
) -> None:
    monkeypatch.setenv("NOTIFIER_RUN_DIR", str(tmp_path / "run"))
    assert asked("live")[0] == asked("ready")[0] == 1, "none is there"
    own = {"NOTIFIER_RUN_DIR": str(tmp_path / "run"), "NOTIFY_SOCKET": systemd.address}
    worker = start_worker(REDIS_URL=own_redis.url, **own)
    until(lambda: asked("ready")[0] == 0, "it is ready")
    until(lambda: "READY=1" in systemd.told(), "systemd knows")
    assert asked("live")[0] == 0
    own_redis.away()
    until(lambda: asked("ready")[0] == 1, "it is not ready")
    assert asked("live")[0] == 0
    assert asked("ready")[1].endswith(("it is not connected to the broker", "Redis does not take its heartbeat"))
    own_redis.back()
    until(lambda: asked("ready")[0] == 0, "it is ready again")
    worker.stop()
    assert "STOPPING=1" in systemd.told()
    assert asked("live")[0] == asked("ready")[0] == 1
