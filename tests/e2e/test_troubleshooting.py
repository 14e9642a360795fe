"""Each case of docs/troubleshooting.md, planted: its command finds it, and prints what the page shows."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import RunPython
from tests.e2e.forked_commands import ForkedCommands
from tests.e2e.test_docs import TEXTS
from tests.servers import OwnRedis, until

CASES = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", TEXTS["docs/troubleshooting.md"], re.MULTILINE | re.DOTALL))
BLOCKS = re.compile(r"^```bash\n(notifier .*?)\n```\n\n```text\n(.*?)^```", re.MULTILINE | re.DOTALL)
CHANGING = (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", r"\b[0-9a-f]{8}\b", r"\b[\d.]+ (?:s|min|h)\b", r":\d{4,5}\b", r"\b\d+\b")
GENERAL, ERROR, SECURITY = (f"100000000000000000{number}" for number in (1, 2, 6))


def same(text: str) -> str:
    """A text without what is different each time: times, ids, numbers, spaces."""
    for pattern in CHANGING:
        text = re.sub(pattern, "#", text)
    return " ".join(text.split())


class Stage:
    """A Redis, and the commands of somebody who looks for what is wrong."""

    def __init__(self, own_redis: OwnRedis, commands: ForkedCommands, run_python: RunPython) -> None:
        self.url = own_redis.url
        self.redis = redis.Redis.from_url(own_redis.url)
        self.shown: set[str] = set()
        self._commands, self._run_python = commands, run_python

    def send(self, alert_type: str, title: str, **environment: str) -> str:
        """Raise an alert; its id."""
        return str(json.loads(self._commands.run("send", alert_type, title, "--json", **environment))["id"])

    def run(self, code: str) -> str:
        """Run a program; what it prints."""
        done = self._run_python(code, REDIS_URL=self.url)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def do(self, *words: str) -> str:
        """Run a command; what it prints."""
        return self._commands.run(*words)

    def find(self, case: str, number: int, notification_id: str = "", **environment: str) -> None:
        """Run a command of the page's case; each line that the page shows must be in what it prints now."""
        command, shown = BLOCKS.findall(CASES[case])[number]
        words = command.replace("ID", notification_id).split()[1:]
        lines = [same(line) for line in shown.splitlines()]
        said = ""

        def found() -> bool:
            nonlocal said
            said = same(self._commands.run(*words, **environment))
            return all(line in said for line in lines)

        try:
            until(found, f"what the page shows of: {case}", 60)
        except AssertionError as error:
            raise AssertionError(f"{error}: {[line for line in lines if line not in said]} in {said}") from None
        self.shown.add(f"{case} {number}")


@pytest.fixture
def stage(own_redis: OwnRedis, configured: dict[str, str], run_python: RunPython, tmp_path: Path) -> Iterator[Stage]:
    """It, without a worker."""
    environment = {**configured, "REDIS_URL": own_redis.url, "COLUMNS": "200"}
    with ForkedCommands(environment, tmp_path) as commands:
        yield Stage(own_redis, commands, run_python)


@pytest.mark.slow
@pytest.mark.timeout(300)  # many commands, on a machine that may be busy
def test_each_case_is_found_by_the_command_that_the_page_names(
    stage: Stage, sandbox: Sandbox, start_worker: StartWorker
) -> None:
    without_worker(stage, sandbox)
    with_a_worker(stage, sandbox, start_worker)
    expected = {f"{case} {number}" for case, text in CASES.items() for number in range(len(BLOCKS.findall(text)))}
    assert stage.shown == expected


def without_worker(stage: Stage, sandbox: Sandbox) -> None:
    stage.send("error", "waits")
    stage.find("No worker", 0)
    wrong = sandbox.variables["DISCORD_WEBHOOK_ERRORS"].replace("fake-token", "fake-tokenx")
    stage.find("Wrong webhook", 0, DISCORD_WEBHOOK_ERRORS=wrong, DISCORD_RATE_LIMITS="5")
    stage.find("Misspelt variable", 0, DISCORD_RATE_LIMITS="5")
    stage.find("Full outbox", 0, stage.send("error", "third", DISCORD_QUEUE_SIZE="1"))
    stage.do(*["silence", "add", "--type", "monitoring", "--for", "2h", "--by", "ops", "--why", "migration"])
    stage.find("Silence", 0, stage.send("monitoring", "Disk full"))
    stage.find("Silence", 1)
    stage.find("Template missing", 0)
    stage.redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    stage.find("Redis is read-only", 0)
    stage.redis.execute_command("REPLICAOF", "NO", "ONE")
    with_policy(stage.redis, "allkeys-lru", lambda: stage.find("Redis drops keys", 0))


def with_policy(client: "redis.Redis", policy: str, look: Callable[[], None]) -> None:
    client.config_set("maxmemory", "100mb")
    client.config_set("maxmemory-policy", policy)
    look()
    client.config_set("maxmemory-policy", "noeviction")


def with_a_worker(stage: Stage, sandbox: Sandbox, start_worker: StartWorker) -> None:
    dropped, gone = stage.send("error", "dropped"), stage.send("general", "gone")
    failing = stage.send("security", "Payments are down")
    late, by_name = stage.run(
        "from notifier import app, send_notification\n"
        "print(send_notification['tracklist'].apply_async(kwargs={'title': 'Late'}, expires=0.1).id)\n"
        "template = {'template': 'nosuch', 'context': {}}\n"
        "print(app.send_task('send_notification.general', kwargs=template, queue='notifications.general').id)\n"
        "for number in range(150):\n"
        "    send_notification['critical'].delay(title=f'Burst {number}', username=f'{number}')"
    ).split()
    stage.redis.delete(f"notifier:notification:{dropped}")
    sandbox.call("DELETE", f"webhooks/{GENERAL}")
    sandbox.fault(webhook_id=SECURITY, method="POST", kind="status", status=503, times=1000)
    start_worker(REDIS_URL=stage.url, DISCORD_BREAKER_FAILURES="1", DISCORD_RETRY_BACKOFF_SECONDS="0.1")
    stage.find("Rate limit", 0)  # first, while most of the burst waits
    stage.find("Redis drops keys", 1, dropped)
    stage.find("Wrong webhook", 1, gone)
    stage.find("Expired", 0, late)
    stage.find("Template missing", 1, by_name)
    stage.find("Breaker open", 0, failing)
    stage.find("Breaker open", 1)
