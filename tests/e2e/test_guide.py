"""Everything in the guide of the original service works as printed there (``guide.md`` beside this file)."""

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from notifier.cli.processes import Process
from notifier.settings import Settings
from tests.conftest import Sandbox
from tests.forked import run_forked
from tests.no_secrets import assert_no_secrets
from tests.servers import until

GUIDE = (Path(__file__).parent / "guide.md").read_text(encoding="utf-8")
ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
PYTHON = [code for language, code in BLOCKS if language == "python" and "alert_manager" not in code]
ENV = next(code for language, code in BLOCKS if language == "bash" and "DISCORD_WEBHOOK_GENERAL=" in code)


@pytest.fixture
def home(tmp_path: Path, sandbox: Sandbox) -> Path:
    """A folder whose ``.env`` is the guide's, and a Discord that knows the guide's webhooks."""
    (tmp_path / ".env").write_text(ENV, encoding="utf-8")
    for number, (webhook_id, token) in enumerate(re.findall(r"webhooks/(\d+)/(\w+)", ENV)):
        sandbox.call("PUT", f"webhooks/{webhook_id}", token=token, channel_id=f"55{number}")
    return tmp_path


@pytest.fixture
def environment(sandbox: Sandbox, redis_url: str) -> dict[str, str]:
    """Where Discord and Redis are; all the rest is in ``.env``."""
    return {**os.environ, "DISCORD_API_URL": f"{sandbox.address}/api/v10", "REDIS_URL": redis_url}


@pytest.fixture
def guide_worker(home: Path, environment: dict[str, str]) -> Iterator[Process]:
    """The guide's notification service."""
    command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "--loglevel", "INFO"]
    process = Process("worker", command, home / "worker.log", env=environment, cwd=home)
    process.wait_for(r"celery@\S+ ready\.")
    yield process
    process.stop()
    assert_no_secrets(texts={"worker log": process.output()})


def run(code: str, home: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a snippet as printed, inside a coroutine; then print what it has found."""
    program = (
        f"import asyncio\nasync def main():\n{textwrap.indent(code, '    ')}\n    print(locals())\nasyncio.run(main())"
    )
    return run_forked(["-c", program], env=environment, cwd=home, timeout_seconds=60)


def test_the_guide_has_the_snippets_this_test_runs() -> None:
    assert len(PYTHON) == 4


@pytest.mark.slow
@pytest.mark.usefixtures("guide_worker")
def test_the_snippets_work_as_printed(home: Path, environment: dict[str, str], sandbox: Sandbox) -> None:
    basic, validate, health, migrated = PYTHON
    imports = basic[: basic.index("# Initialize")]
    for code, found in (
        (basic, "success=True"),
        (imports + validate, "'is_valid': True"),
        (imports + validate + health, "'is_healthy': True"),
        (migrated, "success=True"),
    ):
        done = run(code, home, environment)
        assert done.returncode == 0, done.stderr
        assert found in done.stdout
        assert_no_secrets(texts={"output": done.stdout + done.stderr})
    assert posts_nothing_but(sandbox, {"System Update", "Error Detected"})


def posts_nothing_but(sandbox: Sandbox, titles: set[str]) -> bool:
    """Both alerts arrive, in their channels, and nothing else was posted by the checks."""
    import time

    deadline = time.monotonic() + 30
    while set(sandbox.titles()) != titles and time.monotonic() < deadline:
        time.sleep(0.02)
    where = {embed["title"]: message["channel_id"] for message in sandbox.messages() for embed in message["embeds"]}
    return where == {"System Update": "550", "Error Detected": "551"}


@pytest.mark.slow
def test_a_webhook_that_is_gone_fails_both_checks(home: Path, environment: dict[str, str], sandbox: Sandbox) -> None:
    sandbox.call("DELETE", "webhooks/678901234")
    basic, validate, health, _ = PYTHON
    imports = basic[: basic.index("# Initialize")]
    assert "'is_valid': False" in run(imports + validate, home, environment).stdout
    assert "'is_healthy': False" in run(imports + validate + health, home, environment).stdout
    assert sandbox.stats()["executes"] == 0


def test_the_log_file_and_the_log_command_show_what_went_to_discord(
    home: Path, environment: dict[str, str], guide_worker: Process
) -> None:
    assert run(PYTHON[0], home, environment).returncode == 0
    guide_worker.wait_for(r"(?i)discord.*delivered 1")
    log = home / "logs" / "notifications.log"
    until(lambda: "Discord webhook" in log.read_text(encoding="utf-8"), "the same in the file")
    assert log.stat().st_mode & 0o777 == 0o600
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    assert "docker-compose logs -f notification_service | grep -i discord" in GUIDE
    assert "notification_service" in compose["services"]


def test_the_guides_env_file_is_read_with_its_comments(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    settings = Settings.load()
    assert len(settings.webhooks) == 6
    assert settings.missing_webhooks == []
    limits = (settings.rate_limit_per_minute, settings.retry_attempts, settings.timeout_seconds, settings.queue_size)
    assert limits == (30, 3, 10, 100)
