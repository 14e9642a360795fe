"""What a process logs reaches the outbox or the disk, once, whatever the process does next; and never feeds itself."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from notifier.producer.spool import Spool
from notifier.storage.connection import connect
from tests.no_secrets import assert_no_secrets
from tests.servers import OwnRedis

LOGGING = """
import atexit, logging, multiprocessing, os, signal, sys, threading
from notifier.logging import DiscordHandler
handler = DiscordHandler(fold_seconds=FOLD, exit_seconds=30)
logging.getLogger().addHandler(handler)
log = logging.getLogger("shop")
def forked(work):
    child = os.fork()
    if not child:
        signal.alarm(30)  # a child that hangs ends by a signal
        work()
        sys.exit()  # as a server's worker ends, with its handlers
    return child
def wait(*children):
    for child in children:
        status = os.waitpid(child, 0)[1]
        assert not status, f"a forked process ended by {status}"
""".replace("FOLD", "0")

AT_ONCE = 'log.error("the last line")'
FOLDED_AT_ONCE = """
handler = DiscordHandler(exit_seconds=30)
logging.getLogger().handlers[:] = [handler]
for _ in range(500):
    log.error("the last line")
"""
AT_EXIT = 'atexit.register(log.error, "at exit")'
UNHANDLED = """
from notifier.integrations.excepthooks import install
install(handler)
class Wrong(Exception):
    pass
log.error("before")
raise Wrong("first line\\nsecond line")
"""
OF_A_THREAD = """
from notifier.integrations.excepthooks import install
def before(args):
    log.error("its own hook logs it too", exc_info=args.exc_value)
    print("the hook that was there before")
threading.excepthook = before
install(handler)
install(handler)
def work(error):
    raise error
for error in (ValueError("of a thread"), SystemExit()):
    thread = threading.Thread(target=work, args=(error,), name="importer")
    thread.start()
    thread.join()
"""
OF_A_LOOP = """
import asyncio
from notifier.integrations.excepthooks import install
async def wrong():
    raise ValueError("of a task")
async def main():
    loop = asyncio.get_running_loop()
    install(handler, loop=loop)
    install(handler, loop=loop)
    task = loop.create_task(wrong())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del task
    loop.call_exception_handler({"message": "without an exception"})
    loop.call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
asyncio.run(main())
"""
INTERRUPTED = """
from notifier.integrations.excepthooks import install
install()
print("ready", flush=True)
raise KeyboardInterrupt
"""
PREFORK = """
handler = DiscordHandler(exit_seconds=30)  # one whose thread waits for repeats
logging.getLogger().handlers[:] = [handler]
log.error("before the fork")
log.error("before the fork")
def worker():
    log.error("in a worker")
    threads = [threading.Thread(target=log.error, args=("in a thread of a worker",)) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
wait(*[forked(worker) for _ in range(3)])
log.error("after the fork")
"""
BY_MULTIPROCESSING = """
if __name__ == "__main__":
    log.error("before the fork")
    children = [multiprocessing.get_context("fork").Process(target=log.error, args=("in a child",)) for _ in range(3)]
    for each in children:
        each.start()
    for each in children:
        each.join()
        assert each.exitcode == 0
"""
BY_A_POOL_OF_CELERY = """
if __name__ == "__main__":
    import billiard
    def work():
        for _ in range(3):  # each starts a thread anew
            log.error("in a child")
            while handler._sender._thread:
                pass
        finalizers = billiard.util._finalizer_registry.values()
        assert [each._callback for each in finalizers].count(handler._sender.flush) == 1
    child = billiard.context.ForkContext().Process(target=work)
    child.start()
    child.join()
    assert child.exitcode == 0
"""
EVERYTHING = """
logging.getLogger().setLevel(logging.DEBUG)
handler = DiscordHandler(level=logging.DEBUG, fold_seconds=0, exit_seconds=2)
logging.getLogger().handlers[:] = [handler]
log.debug("one")
handler.flush(0.5)
log.debug("two")
"""


class Ended(NamedTuple):
    """A program that has ended: the records of which alerts tell, by title, and what it printed."""

    alerts: Counter[str]
    kinds: Counter[str]
    stdout: str
    stderr: str
    code: int


Run = Callable[..., Ended]


@pytest.fixture
def run(redis_url: str, tmp_path: Path) -> Run:
    """Runs a program to its end."""

    def run(program: str, url: str = redis_url, **settings: str) -> Ended:
        file = tmp_path / "program.py"
        file.write_text(LOGGING + program, encoding="utf-8")
        # Python 3.12 warns of every fork beside threads, which is what is tested
        command = [sys.executable, "-W", "error", "-W", "ignore:.*use of fork:DeprecationWarning", str(file)]
        done = subprocess.run(
            command, env={"REDIS_URL": url, "PATH": "", **settings}, cwd=tmp_path, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert_no_secrets(texts={"output": done.stdout + done.stderr})
        spooled = [(json.loads(each.text), 1) for each in Spool(tmp_path / "spool", 100).list()]
        titles, kinds = Counter[str](), Counter[str]()
        for message, count in [*admitted(redis_url), *spooled]:
            titles[message["title"]] += count
            kinds[message.get("alert_type", "general")] += count
        return Ended(titles, kinds, done.stdout, done.stderr, done.returncode)

    return run


def admitted(url: str) -> Iterator[tuple[dict[str, Any], int]]:
    """The messages that wait in Redis, and how often each came."""
    client = connect(url, 5)
    for key in client.scan_iter("notifier:notification:*"):
        message, incident = client.hmget(key, "message", "incident")
        if message:
            yield json.loads(message), int(client.hget(incident, "count") or 0) if incident else 1
    client.close()


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (AT_ONCE, {"the last line": 1}),
        (FOLDED_AT_ONCE, {"the last line": 500}),
        (AT_EXIT, {"at exit": 1}),
        pytest.param(
            PREFORK,
            {"before the fork": 2, "after the fork": 1, "in a worker": 3, "in a thread of a worker": 6},
            marks=pytest.mark.slow,
        ),
        pytest.param(BY_MULTIPROCESSING, {"before the fork": 1, "in a child": 3}, marks=pytest.mark.slow),
        pytest.param(BY_A_POOL_OF_CELERY, {"in a child": 3}, marks=pytest.mark.slow),
    ],
    ids=["at once", "folded", "at exit", "prefork", "multiprocessing", "billiard"],
)
def test_each_record_is_an_alert_once_though_the_process_ends(run: Run, program: str, expected: dict[str, int]) -> None:
    ended = run(program)
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.alerts == expected


def test_while_redis_is_away_what_was_logged_last_is_on_the_disk(run: Run, tmp_path: Path) -> None:
    ended = run(AT_ONCE, "redis://127.0.0.1:1/0", NOTIFIER_SPOOL_DIR=str(tmp_path / "spool"))
    assert (ended.code, ended.alerts) == (0, {"the last line": 1})


@pytest.mark.slow
def test_with_redis_away_and_every_level_on_it_does_not_feed_itself_and_says_what_is_lost(run: Run) -> None:
    ended = run(EVERYTHING, "redis://127.0.0.1:1/0")
    assert ended.code == 0
    assert ended.alerts == {}
    said = [line for line in ended.stderr.splitlines() if line.startswith("notifier: ")]
    assert "alerts of log records that wait after 0.5 s: 1" in said[0]
    assert "alerts of log records that wait after 2 s: 2" in said[1]
    assert len(said) == 2


@pytest.mark.slow
def test_with_a_silent_redis_and_every_level_on_it_does_not_feed_itself(run: Run, own_redis: OwnRedis) -> None:
    own_redis.freeze()
    ended = run(EVERYTHING, own_redis.url, NOTIFIER_PUBLISH_TIMEOUT_SECONDS="0.5")
    assert ended.code == 0
    assert "alerts of log records that wait after 2 s: 2" in ended.stderr


def test_with_every_level_on_only_what_the_program_logs_is_an_alert(run: Run) -> None:
    ended = run(EVERYTHING.replace("exit_seconds=2", "exit_seconds=20").replace("flush(0.5)", "flush(10)"))
    assert ended.alerts == {"one": 1, "two": 1}


def test_an_exception_that_ends_the_program_is_an_alert(run: Run) -> None:
    ended = run(UNHANDLED)
    assert ended.code == 1
    assert "Wrong: first line" in ended.stderr  # Python's own hook still prints it
    assert ended.alerts == {"before": 1, "Wrong: first line": 1}
    assert ended.kinds == {"error": 1, "critical": 1}


def test_an_exception_that_ends_a_thread_is_one_alert_though_the_hook_before_logs_it(run: Run) -> None:
    ended = run(OF_A_THREAD)
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.stdout == "the hook that was there before\n" * 2
    assert ended.alerts == {"ValueError: of a thread": 1}


@pytest.mark.slow
def test_an_exception_of_a_task_is_one_alert_though_asyncio_logs_it(run: Run) -> None:
    ended = run(OF_A_LOOP)
    assert (ended.code, ended.stderr) == (0, "")
    assert ended.alerts == {
        "ValueError: of a task": 1, "without an exception": 1, "ZeroDivisionError: division by zero": 1,
    }  # fmt: skip


def test_an_interrupt_is_no_alert(run: Run) -> None:
    ended = run(INTERRUPTED)
    assert ended.code == -2
    assert "KeyboardInterrupt" in ended.stderr
    assert ended.alerts == {}
