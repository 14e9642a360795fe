"""``notifier web`` as people run it: it says where it listens, stays while Redis is away, and ends at Ctrl-C."""

import os
import signal
from pathlib import Path

import pytest
import requests

from tests.forked import start_module
from tests.servers import OwnRedis, until

PASSWORD = "fake-token-of-the-page"


@pytest.mark.slow
def test_it_stays_while_redis_is_away_and_ends_at_ctrl_c(own_redis: OwnRedis, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    environment = {**os.environ, "REDIS_URL": own_redis.url, "NOTIFIER_WEB_PASSWORD_FILE": str(tmp_path / "password")}
    command = ["notifier", "web", "--port", "0"]
    process = start_module("web", command, tmp_path / "web.log", env=environment, cwd=tmp_path)
    address = process.wait_for(r"web listening on (http://127\.0\.0\.1:[0-9]+)$")[1]

    def status(path: str, password: str = PASSWORD) -> int:
        return requests.get(f"{address}{path}", auth=("notifier", password), timeout=20).status_code

    try:
        assert [status("/"), status("/api/overview"), status("/ready")] == [200] * 3
        assert status("/api/overview", "wrong") == 401
        own_redis.away()
        for path in ("/api/overview", "/ready"):  # each keeps its last answer for a second
            until(lambda path=path: status(path) == 503, f"{path} tells what is not there")
        assert [status("/live"), status("/")] == [200, 200]
        own_redis.back()
        until(lambda: status("/api/overview") == 200 and status("/ready") == 200, "it goes on")
        os.kill(process.pid, signal.SIGINT)
        until(lambda: not process.running, "Ctrl-C ends it")
        assert process.stop() == 0
    finally:
        process.stop()
    assert "Traceback" not in process.output()
    assert PASSWORD not in process.output()
