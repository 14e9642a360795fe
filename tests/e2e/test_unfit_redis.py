"""A worker does not start on a Redis that would lose alerts, and says why; a check fails; a caller works."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from notifier.service import DiscordNotificationService
from notifier.settings import Settings
from tests.e2e.conftest import Notifier, RunPython
from tests.e2e.test_acl import PASSWORD, Guarded
from tests.secured_redis import SecuredRedis
from tests.servers import until

RAISE = """
from notifier import send_notification
for number in range(3):
    print(send_notification["critical"].delay(title="T").id != "")
"""


@pytest.fixture
def evicting(tmp_path: Path, own_environment: None) -> Iterator[SecuredRedis]:
    """One that drops keys once it is full."""
    settings = ["maxmemory 100mb", "maxmemory-policy allkeys-lru"]
    server = SecuredRedis(tmp_path / "evicting", users=["default on nopass ~* &* +@all"], more=settings)
    yield server
    server.stop()


def url_of(server: SecuredRedis) -> str:
    return f"redis://127.0.0.1:{server.port}/0"


def started(environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """A worker that is to end by itself."""
    command = [sys.executable, "-W", "ignore", "-m", "celery", "-A", "tasks", "worker"]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    output = done.stdout + done.stderr
    assert done.returncode == 1, output
    assert (len(output.splitlines()), output.startswith("REDIS_URL: ")) == (1, True), output
    for each in words:
        assert each in output


@pytest.mark.slow
def test_a_worker_refuses_an_eviction_policy(
    evicting: SecuredRedis, configured: dict[str, str], tmp_path: Path
) -> None:
    named = f"Redis at 127.0.0.1:{evicting.port}, database 0: maxmemory-policy is allkeys-lru and must be noeviction"
    assert_refused(started({**configured, "REDIS_URL": url_of(evicting)}, tmp_path), named)
    assert_refused(started({**configured, "CELERY_BROKER_URL": url_of(evicting)}, tmp_path), named)


@pytest.mark.slow
def test_a_worker_refuses_a_replica(
    evicting: SecuredRedis, configured: dict[str, str], redis_server: str, tmp_path: Path
) -> None:
    evicting.admin.config_set("maxmemory-policy", "noeviction")
    evicting.admin.replicaof("127.0.0.1", redis_server.rpartition(":")[2].partition("/")[0])
    until(lambda: evicting.admin.info("replication")["role"] == "slave", "the replica")
    assert_refused(started({**configured, "REDIS_URL": url_of(evicting)}, tmp_path), "it is a replica")


@pytest.mark.slow
def test_a_worker_refuses_rights_that_do_not_suffice(configured: dict[str, str], tmp_path: Path) -> None:
    guarded = Guarded(tmp_path / "redis")
    try:
        guarded.grant("notifier-worker", without="+hincrby")
        done = started({**configured, "REDIS_URL": guarded.url("notifier-worker")}, tmp_path)
        assert_refused(done, "its user lacks rights: hincrby notifier:notification:", "docs/redis.md")
        assert PASSWORD not in done.stdout + done.stderr
    finally:
        guarded.server.stop()


@pytest.mark.slow
def test_checks_fail_and_name_it(
    evicting: SecuredRedis, notifier: Notifier, monkeypatch: pytest.MonkeyPatch, configured: dict[str, str]
) -> None:
    done = notifier("check", REDIS_URL=url_of(evicting))
    assert done.returncode == 1
    assert "maxmemory-policy is allkeys-lru" in done.stdout.splitlines()[0]
    assert any(line.startswith("Warning: ") and "appendonly is no" in line for line in done.stdout.splitlines())
    report = json.loads(notifier("check", "--json", REDIS_URL=url_of(evicting)).stdout)
    assert (report["valid"], report["healthy"]) == (True, False)
    assert all(each["problem"] is None for each in report["webhooks"]), "these are asked all the same"
    for name, value in {**configured, "REDIS_URL": url_of(evicting)}.items():
        monkeypatch.setenv(name, value)
    assert asyncio.run(DiscordNotificationService(Settings.load()).health_check()) is False
    evicting.admin.config_set("maxmemory-policy", "noeviction")
    assert asyncio.run(DiscordNotificationService(Settings.load()).health_check()) is True


def test_a_program_that_raises_alerts_is_warned_once_and_works(evicting: SecuredRedis, run_python: RunPython) -> None:
    done = run_python(RAISE, REDIS_URL=url_of(evicting))
    assert done.stdout == "True\nTrue\nTrue\n", done.stderr
    (warning,) = done.stderr.splitlines()
    assert "maxmemory-policy is allkeys-lru" in warning
