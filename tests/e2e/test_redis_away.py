"""If Redis does not answer the caller, the call returns or raises in time, and the alert is spooled or posted."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from notifier.cli.processes import Process
from notifier.producer.spool import FILE
from notifier.storage.connection import connect
from tests.conftest import Sandbox, kill_whole, run_worker
from tests.forked import run_notifier
from tests.no_secrets import assert_no_secrets
from tests.servers import OwnRedis, until

pytestmark = pytest.mark.slow

TIMEOUT_SECONDS = 1.0
CRITICAL = "1000000000000000003"
PATIENT_SECONDS = 3
"""Longer than a pause of this machine. A post has what Redis' silence leaves of it."""
SLACK_SECONDS = 0.5
"""What a busy machine may add; bare Celery takes 19 s or does not return."""

RAISE = """
import json, os, sys, time
from notifier.errors import BrokerUnavailable
from tasks import send_notification
for line in sys.stdin:
    kind, title = line.split(maxsplit=1)
    start = time.monotonic()
    try:
        status, result = "taken", send_notification[kind].delay(title=title.strip())
        if type(result).__name__ == "FinalResult":
            status = result.get()["detail"]
    except BrokerUnavailable as error:
        status = f"unavailable: {error}"
    print(json.dumps([status, time.monotonic() - start]), flush=True)
"""


class Caller:
    """An application in its own process that raises alerts on command."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-c", RAISE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=folder,
            text=True,
        )

    def submit(self, title: str, kind: str = "general") -> tuple[str, float]:
        """The result of the call, and the seconds that it took."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{kind} {title}\n")
        self.process.stdin.flush()
        status, seconds = json.loads(self.process.stdout.readline())
        return status, seconds

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.communicate()

    def end(self) -> None:
        """Let it end, and check that it has printed no secret."""
        if self.process.returncode is None:
            output, errors = self.process.communicate(timeout=60)
            assert_no_secrets(texts={"output": output + errors})


StartCaller = Callable[..., Caller]


@pytest.fixture
def start_caller(
    own_redis: OwnRedis, environment: dict[str, str], sandbox: Sandbox, tmp_path: Path
) -> Iterator[StartCaller]:
    """Starts applications."""
    started: list[Caller] = []

    def start(timeout_seconds: float = PATIENT_SECONDS, **changed: str) -> Caller:
        settings = {"REDIS_URL": own_redis.url, "NOTIFIER_PUBLISH_TIMEOUT_SECONDS": str(timeout_seconds), **changed}
        started.append(Caller({**environment, **settings}, tmp_path / "callers"))
        return started[-1]

    yield start
    for each in started:
        each.end()


@pytest.fixture
def start_worker(own_redis: OwnRedis, environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts workers on that Redis."""
    started: list[Process] = []

    def start(**changed: str) -> Process:
        settings = {**environment, "REDIS_URL": own_redis.url, **changed}
        started.append(run_worker(f"w{len(started)}", tmp_path / f"w{len(started)}", settings))
        return started[-1]

    yield start
    for each in started:
        kill_whole(each)


def spooled(folder: Path) -> int:
    """How many alerts a folder holds."""
    with closing(sqlite3.connect(folder / FILE)) as file:
        return int(file.execute("select count(*) from alerts").fetchone()[0])


def maybe_posted(folder: Path) -> set[str]:
    """The titles of those in a folder that were posted, and whose answer was lost."""
    with closing(sqlite3.connect(folder / FILE)) as file:
        return {
            json.loads(message)["title"] for (message,) in file.execute("select message from alerts where maybe_posted")
        }


def test_a_broker_that_refuses_or_is_silent_is_reported_in_time(own_redis: OwnRedis, start_caller: StartCaller) -> None:
    warm, cold = start_caller(TIMEOUT_SECONDS), start_caller(TIMEOUT_SECONDS)
    assert warm.submit("fine")[0] == "taken"
    own_redis.freeze()
    for caller in (warm, warm, cold, cold):
        status, seconds = caller.submit("silent")
        assert status.startswith("unavailable")
        assert seconds < TIMEOUT_SECONDS + SLACK_SECONDS
    own_redis.thaw()
    assert warm.submit("fine again")[0] == "taken"
    own_redis.away()
    for caller in (warm, warm, cold, start_caller(TIMEOUT_SECONDS)):
        status, seconds = caller.submit("refused")
        assert status.startswith("unavailable")
        assert seconds < TIMEOUT_SECONDS + SLACK_SECONDS


def test_spooled_alerts_are_handed_over_in_order_by_the_next_call_that_reaches_redis(
    own_redis: OwnRedis,
    start_caller: StartCaller,
    start_worker: Callable[..., Process],
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "spool"
    caller = start_caller(NOTIFIER_SPOOL_DIR=str(folder))
    own_redis.away()
    for number in range(5):
        assert caller.submit(f"n{number}")[0] == "taken"
    caller.kill()
    assert spooled(folder) == 5, "they outlive the process"
    own_redis.back()
    other = start_caller(NOTIFIER_SPOOL_DIR=str(folder))
    assert other.submit("n5")[0] == "taken"
    until(lambda: spooled(folder) == 0, "the spool is empty")
    start_worker()
    until(lambda: len(sandbox.titles()) >= 6, "six alerts")
    assert sandbox.titles() == [f"n{number}" for number in range(6)]


def test_an_alert_of_another_type_hands_over_what_is_spooled_as_well(
    own_redis: OwnRedis, start_caller: StartCaller, tmp_path: Path
) -> None:
    folder = tmp_path / "spool"
    caller = start_caller(NOTIFIER_SPOOL_DIR=str(folder))
    own_redis.away()
    caller.submit("general")
    own_redis.back()
    caller.submit("error", "error")
    until(lambda: spooled(folder) == 0, "the spool is empty")


def test_a_spool_that_is_full_raises(own_redis: OwnRedis, start_caller: StartCaller, tmp_path: Path) -> None:
    caller = start_caller(NOTIFIER_SPOOL_DIR=str(tmp_path / "spool"), NOTIFIER_SPOOL_MAX="2")
    own_redis.away()
    ends = [caller.submit(f"n{number}")[0] for number in range(3)]
    assert ends[:2] == ["taken", "taken"]
    assert "NOTIFIER_SPOOL_MAX" in ends[2]


def test_a_broken_spool_stops_no_alert_while_redis_is_there(
    own_redis: OwnRedis, start_caller: StartCaller, tmp_path: Path
) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    (folder / FILE).write_bytes(b"no database" * 1_000)
    caller = start_caller(NOTIFIER_SPOOL_DIR=str(folder), DISCORD_DIRECT_FALLBACK="security")
    assert [caller.submit("fine", kind)[0] for kind in ("general", "security")] == ["taken", "taken"]
    own_redis.away()
    status, _ = caller.submit("lost")
    assert status.startswith("unavailable: the spool cannot be used")


def test_what_was_posted_directly_is_not_taken_by_a_redis_that_wakes_up(
    own_redis: OwnRedis, start_caller: StartCaller, sandbox: Sandbox
) -> None:
    caller = start_caller(DISCORD_DIRECT_FALLBACK="security")
    assert caller.submit("warm", "general")[0] == "taken"
    own_redis.freeze()
    assert caller.submit("Redis is silent", "security")[0] == "sent directly: Redis was away"
    own_redis.thaw()
    assert caller.submit("after it", "general")[0] == "taken"
    client = connect(own_redis.url, 5)
    assert client.zcard("notifier:outbox:security:waiting") == 0
    client.close()


def test_a_direct_alert_of_a_type_in_unknown_leave_is_not_spooled_if_its_answer_is_lost(
    own_redis: OwnRedis, start_caller: StartCaller, sandbox: Sandbox, tmp_path: Path
) -> None:
    folder = tmp_path / "spool"
    leave = {"DISCORD_UNKNOWN_LEAVE": "critical", "DISCORD_DIRECT_FALLBACK": "critical"}
    caller = start_caller(NOTIFIER_SPOOL_DIR=str(folder), **leave)
    own_redis.away()
    sandbox.fault(method="POST", kind="reset", when="after", times=1)
    assert caller.submit("once", "critical")[0].startswith("unavailable")
    assert sandbox.titles() == ["once"]
    assert not (folder / FILE).exists()


def test_a_worker_hands_over_what_is_spooled_and_folds_none_of_it(
    own_redis: OwnRedis,
    start_caller: StartCaller,
    start_worker: Callable[..., Process],
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "spool"
    small = {"NOTIFIER_SPOOL_DIR": str(folder), "DISCORD_QUEUE_SIZE": "3"}
    caller = start_caller(**small)
    own_redis.away()
    for number in range(12):
        caller.submit(f"n{number}")
    own_redis.back()
    start_worker(**small)
    until(lambda: len(sandbox.titles()) >= 12, "all twelve")
    assert sandbox.titles() == [f"n{number}" for number in range(12)]
    assert spooled(folder) == 0


def test_how_long_it_was_spooled_counts(
    own_redis: OwnRedis,
    start_caller: StartCaller,
    start_worker: Callable[..., Process],
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "spool"
    caller = start_caller(NOTIFIER_SPOOL_DIR=str(folder))
    own_redis.away()
    caller.submit("late")
    caller.submit("too late")
    with closing(sqlite3.connect(folder / FILE)) as file, file:
        file.execute("update alerts set spooled_at = spooled_at - 900 * position * position * position")
    own_redis.back()
    start_worker(NOTIFIER_SPOOL_DIR=str(folder), DISCORD_EXPIRE_SECONDS="3600")
    until(lambda: connect(own_redis.url, 5).exists("notifier:dead_letters:general"), "the dead letter")
    until(lambda: sandbox.titles(), "the late one")
    (message,) = sandbox.messages()
    assert message["embeds"][0]["title"] == "late"
    assert "delayed 15 min: broker unavailable" in message["embeds"][0]["footer"]["text"]


def test_the_command_line_lists_and_flushes(
    own_redis: OwnRedis, start_caller: StartCaller, environment: dict[str, str], tmp_path: Path
) -> None:
    settings = {**environment, "REDIS_URL": own_redis.url, "NOTIFIER_SPOOL_DIR": str(tmp_path / "spool")}

    def notifier(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_notifier(*arguments, env=settings, cwd=tmp_path)

    caller = start_caller(NOTIFIER_SPOOL_DIR=settings["NOTIFIER_SPOOL_DIR"])
    own_redis.away()
    for number in range(3):
        caller.submit(f"n{number}")
    sent = json.loads(notifier("send", "general", "n3", "--json").stdout)
    assert (sent["status"], sent["success"]) == ("spooled", True)
    assert [each["alert_type"] for each in json.loads(notifier("spool", "list", "--json").stdout)] == ["general"] * 4
    away = notifier("spool", "flush")
    assert (away.returncode, "broker_unavailable" in away.stderr) == (1, True)
    own_redis.back()
    assert json.loads(notifier("spool", "flush", "--json").stdout) == {"handed_over": 4, "left": 0}
    assert notifier("spool", "list").stdout == "nothing is spooled\n"
    assert "0 alerts handed over" in notifier("spool", "flush").stdout
    assert connect(own_redis.url, 5).zcard("notifier:outbox:general:waiting") == 4
    del settings["NOTIFIER_SPOOL_DIR"]
    assert "NOTIFIER_SPOOL_DIR is not set" in notifier("spool", "list").stderr


def test_the_alert_that_says_redis_is_down_still_arrives(
    own_redis: OwnRedis, start_caller: StartCaller, sandbox: Sandbox
) -> None:
    refused, silent = (start_caller(DISCORD_DIRECT_FALLBACK="critical,security") for _ in range(2))
    own_redis.freeze()
    status, seconds = silent.submit("Redis is silent", "security")
    assert status == "sent directly: Redis was away"
    assert seconds < PATIENT_SECONDS + SLACK_SECONDS
    own_redis.away()
    assert refused.submit("Redis is down", "critical")[0] == "sent directly: Redis was away"
    assert refused.submit("of no account", "general")[0].startswith("unavailable")
    assert sandbox.titles() == ["Redis is silent", "Redis is down"]
    assert all("sent directly: Redis was away" in m["embeds"][0]["footer"]["text"] for m in sandbox.messages())


def test_what_does_not_go_directly_is_spooled_or_raises_and_nothing_meets_a_429(
    own_redis: OwnRedis,
    start_caller: StartCaller,
    start_worker: Callable[..., Process],
    sandbox: Sandbox,
    tmp_path: Path,
) -> None:
    """Each is posted once, and again only where the answer came too late: the repeat says so."""
    spool = {"NOTIFIER_SPOOL_DIR": str(tmp_path / "spool")}
    telling = start_caller(DISCORD_DIRECT_FALLBACK="critical")
    spooling = start_caller(DISCORD_DIRECT_FALLBACK="security", **spool)
    own_redis.away()
    ends = {name: telling.submit(name, "critical")[0] for name in (f"c{number}" for number in range(20))}
    assert any(end.startswith("unavailable") and "configured_limit" in end for end in ends.values())
    posted = [name for name, end in ends.items() if end.startswith("sent directly")]
    late = {name for name, end in ends.items() if end.endswith("Discord may have posted it")}
    assert posted
    assert [title for title in sandbox.titles() if title not in late] == posted
    for number in range(20):
        spooling.submit(f"s{number}", "security")
    assert sandbox.stats()["rate_limited"] == 0
    late |= maybe_posted(tmp_path / "spool")
    own_redis.back()
    start_worker(**spool)
    wanted = {*posted, *(f"s{number}" for number in range(20))}
    until(lambda: wanted <= set(sandbox.titles()), "the spooled ones")
    seen = set[str]()
    for embed in (embed for message in sandbox.messages() for embed in message["embeds"]):
        says_so = "may be a duplicate" in embed.get("footer", {}).get("text", "")
        assert embed["title"] not in seen or (embed["title"] in late and says_so), embed["title"]
        seen.add(embed["title"])
    assert seen - late == wanted - late


@pytest.mark.parametrize("fault", [{"kind": "reset"}, {"kind": "delay", "seconds": 2 * PATIENT_SECONDS}])
def test_a_direct_alert_whose_answer_was_lost_or_late_is_spooled_and_its_repeat_says_so(
    own_redis: OwnRedis,
    start_caller: StartCaller,
    start_worker: Callable[..., Process],
    sandbox: Sandbox,
    tmp_path: Path,
    fault: dict[str, Any],
) -> None:
    spool = {"NOTIFIER_SPOOL_DIR": str(tmp_path / "spool")}
    caller = start_caller(DISCORD_DIRECT_FALLBACK="critical", **spool)
    own_redis.away()
    sandbox.fault(method="POST", when="after", times=1, **fault)
    assert caller.submit("twice", "critical")[0] == "taken"
    assert maybe_posted(tmp_path / "spool") == {"twice"}
    own_redis.back()
    start_worker(**spool)
    until(lambda: len(sandbox.titles()) >= 2, "the repeat")
    assert "may be a duplicate" in sandbox.messages()[1]["embeds"][0]["footer"]["text"]


def test_a_webhook_that_is_gone_is_posted_to_directly_once(
    own_redis: OwnRedis, start_caller: StartCaller, sandbox: Sandbox
) -> None:
    caller = start_caller(DISCORD_DIRECT_FALLBACK="critical")
    own_redis.away()
    sandbox.call("DELETE", f"webhooks/{CRITICAL}")
    for _ in range(3):
        assert caller.submit("nobody hears", "critical")[0].startswith("unavailable")
    assert len(sandbox.posts()) == 1


def test_a_spool_that_leads_elsewhere_is_refused_aloud_and_holds_up_nothing(
    own_redis: OwnRedis, start_caller: StartCaller, tmp_path: Path
) -> None:
    folder, elsewhere = tmp_path / "spool", tmp_path / "elsewhere"
    folder.mkdir()
    (folder / FILE).symlink_to(elsewhere)
    caller = start_caller(NOTIFIER_SPOOL_DIR=str(folder))
    assert caller.submit("Redis takes it")[0] == "taken"
    own_redis.away()
    status, _ = caller.submit("nobody takes it")
    assert status.startswith("unavailable")
    assert "a link or no regular file" in status
    assert "NOTIFIER_SPOOL_DIR" in status
    assert not elsewhere.exists()
