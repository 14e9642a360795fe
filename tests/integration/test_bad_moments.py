"""A call at a moment at which Python or the process can do little returns in time, and its alert is kept once.

Here and not among the slow tests, so that they run with every Python: what a thread may do at the end differs.
"""

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from notifier.producer.spool import FILE
from notifier.storage.connection import connect
from tests.no_secrets import assert_no_secrets
from tests.servers import OwnRedis

LIMIT_SECONDS = 1.0
MARGIN_SECONDS = 1.5
"""What a disk gets, and what a busy machine may add."""

CALL = """
import atexit, itertools, json, multiprocessing, os, random, signal, sys, threading, time
from notifier import send_notification
numbers = itertools.count()
def call(title):
    start = time.monotonic()
    id = f"{os.getpid()}-{next(numbers)}"
    try:
        send_notification["general"].delay(id=id, title=title)
        problem = None
    except Exception as error:
        problem = f"{type(error).__name__}: {error}"
    os.write(1, (json.dumps([title, id, time.monotonic() - start, problem]) + "\\n").encode())
def forked(work):
    child = os.fork()
    if not child:
        signal.alarm(15)  # a child that hangs ends by a signal
        work()
        sys.exit()  # as a server's worker ends, with its handlers
    return child
def wait(*children):
    for child in children:
        status = os.waitpid(child, 0)[1]
        assert not status, f"a forked process ended by {status}"
"""

WHILE_THE_INTERPRETER_ENDS = """
from concurrent.futures import ThreadPoolExecutor
atexit.register(call, "at exit")
def late():
    threading.main_thread().join()
    call("after main")
threading.Thread(target=late).start()
ending = threading.Event()
ThreadPoolExecutor(1).submit(lambda: ending.wait(30) and call("in a pool"))
threading._register_atexit(ending.set)  # what the pool itself uses, to wait for its threads
"""
IN_A_HANDLER = """
interrupted = 0
def handler(*_):
    global interrupted
    call("in a handler")
    interrupted += 1
    if interrupted < WANTED:  # each takes the interrupted call as long as it takes itself
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.0001, 0.003))
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.001)
while interrupted < WANTED:
    call("interrupted")
signal.setitimer(signal.ITIMER_REAL, 0)
"""
PRELOADED = """
call("in the parent")
def worker():
    atexit.register(call, "at a child's exit")
    threads = [threading.Thread(target=call, args=("in a child",)) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
children = [forked(worker) for _ in range(3)]
call("in the parent")
wait(*children)
"""
WHILE_OTHERS_CALL = """
stopping = threading.Event()
def others():
    while not stopping.is_set():
        call("in the parent")
threads = [threading.Thread(target=others) for _ in range(3)]
for each in threads:
    each.start()
for _ in range(10):
    wait(forked(lambda: call("in a child")))
stopping.set()
for each in threads:
    each.join()
"""
WHILE_THE_FIRST_CALL_IMPORTS = """
import importlib.abc
signal.signal(signal.SIGALRM, lambda *_: call("in a handler"))
class Interrupting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "celery.backends.asynchronous":  # celery.backends.redis, which imports it, is half there
            os.kill(os.getpid(), signal.SIGALRM)
            time.sleep(0.05)
sys.meta_path.insert(0, Interrupting())
call("interrupted")
"""
WHILE_ANOTHER_IMPORTS = """
import importlib.abc
importing = threading.Event()
class Slow(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "celery.backends.redis" and threading.current_thread() is not threading.main_thread():
            importing.set()
            time.sleep(0.2)
sys.meta_path.insert(0, Slow())
first = threading.Thread(target=call, args=("the first call",))
first.start()
importing.wait(30)
# by its own thread: another may get the identity of the one that the parent had, and its locks
wait(forked(lambda: (importlib.import_module("celery.backends.redis"), call("in a child"))))
first.join()
"""


BY_MULTIPROCESSING = """
if __name__ == "__main__":
    call("in the parent")
    contexts = [multiprocessing.get_context(method) for method in ("fork", "spawn", "forkserver")]
    workers = [context.Process(target=call, args=("in a child",)) for context in contexts]
    for each in workers:
        each.start()
    call("in the parent")
    for each in workers:
        each.join()
        assert each.exitcode == 0
"""
GEVENT = "from gevent import monkey\nmonkey.patch_all()\n"
IN_GREENLETS = """
import gevent
gevent.joinall([gevent.spawn(call, "in a greenlet") for _ in range(20)])
os._exit(0)  # Celery's results ask for their backend when they are collected, and gevent has no greenlet left for it
"""

RunCalls = Callable[..., Counter[str]]


@pytest.fixture(params=["answers", "is silent", "is away"])
def state(request: pytest.FixtureRequest) -> str:
    """What Redis does."""
    return str(request.param)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Path]:
    """Where it answers at once, whatever other tests write to the disk."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made there
    with TemporaryDirectory(dir=memory if memory.is_dir() else tmp_path) as folder:
        yield Path(folder) / "spool"


@pytest.fixture
def run_calls(own_redis: OwnRedis, tmp_path: Path, spool: Path) -> RunCalls:
    """Runs a program, and checks each of its calls; how many there were, by title."""

    def run(program: str, state: str = "answers") -> Counter[str]:
        {"answers": lambda: None, "is silent": own_redis.freeze, "is away": own_redis.away}[state]()
        file = tmp_path / "program.py"
        file.write_text(program, encoding="utf-8")
        settings = {
            "REDIS_URL": own_redis.url,
            "DISCORD_QUEUE_SIZE": "100000",
            "NOTIFIER_SPOOL_DIR": str(spool),
            "NOTIFIER_PUBLISH_TIMEOUT_SECONDS": str(LIMIT_SECONDS),
        }
        # Python 3.12 warns of every fork beside threads, which is what is tested
        command = [sys.executable, "-W", "error", "-W", "ignore:.*use of fork:DeprecationWarning", str(file)]
        done = subprocess.run(
            command, env={**settings, "PATH": ""}, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        assert_no_secrets(texts={"output": done.stdout + done.stderr})
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
        calls = [json.loads(line) for line in done.stdout.splitlines()]
        assert [each for each in calls if each[3]] == []
        assert [each for each in calls if each[2] > LIMIT_SECONDS + MARGIN_SECONDS] == []
        own_redis.thaw() if state == "is silent" else None
        assert sorted(kept(own_redis, spool, state)) == sorted(id for _, id, *_ in calls)
        return Counter(title for title, *_ in calls)

    return run


def kept(own_redis: OwnRedis, spool: Path, state: str) -> set[str]:
    """The ids of all alerts in the outbox and on the disk."""
    ids: list[str] = []
    if state != "is away":
        client = connect(own_redis.url, 5)
        ids += client.zrange("notifier:outbox:general:waiting", 0, -1)
        client.close()
    if (spool / FILE).exists():
        with closing(sqlite3.connect(spool / FILE)) as file:
            ids += [row[0] for row in file.execute("select id from alerts")]
    return set(ids)


@pytest.mark.slow
def test_while_the_interpreter_ends(state: str, run_calls: RunCalls) -> None:
    assert run_calls(CALL + WHILE_THE_INTERPRETER_ENDS, state) == {"at exit": 1, "after main": 1, "in a pool": 1}


@pytest.mark.slow
@pytest.mark.parametrize(("state", "wanted"), [("answers", 200), ("is silent", 2), ("is away", 30)])
def test_in_a_signal_handler_that_interrupts_another_call(state: str, wanted: int, run_calls: RunCalls) -> None:
    found = run_calls(CALL + IN_A_HANDLER.replace("WANTED", str(wanted)), state)
    assert found["in a handler"] >= wanted
    assert found["interrupted"] >= 1


def test_in_a_signal_handler_that_interrupts_the_first_call_while_it_imports(run_calls: RunCalls) -> None:
    assert run_calls(CALL + WHILE_THE_FIRST_CALL_IMPORTS) == {"interrupted": 1, "in a handler": 1}


@pytest.mark.slow
def test_in_the_processes_of_a_preloaded_server(state: str, run_calls: RunCalls) -> None:
    assert run_calls(CALL + PRELOADED, state) == {"in the parent": 2, "in a child": 12, "at a child's exit": 3}


@pytest.mark.slow
def test_in_processes_that_are_forked_while_other_threads_call(run_calls: RunCalls) -> None:
    assert run_calls(CALL + WHILE_OTHERS_CALL)["in a child"] == 10


@pytest.mark.slow
def test_in_a_process_that_is_forked_while_another_thread_imports(run_calls: RunCalls) -> None:
    assert run_calls(CALL + WHILE_ANOTHER_IMPORTS) == {"the first call": 1, "in a child": 1}


@pytest.mark.slow
def test_in_the_processes_of_multiprocessing(run_calls: RunCalls) -> None:
    assert run_calls(CALL + BY_MULTIPROCESSING) == {"in the parent": 2, "in a child": 3}


@pytest.mark.slow
def test_in_greenlets(state: str, run_calls: RunCalls) -> None:
    pytest.importorskip("gevent", reason="needs gevent: uv run --with gevent pytest -k greenlets tests/integration")
    assert run_calls(GEVENT + CALL + IN_GREENLETS, state) == {"in a greenlet": 20}


CONTEXT = """
from contextvars import ContextVar
from celery.signals import before_task_publish
tenant = ContextVar("tenant", default="nobody")
def see(**_):
    os.write(2, f"seen {tenant.get()}\\n".encode())
before_task_publish.connect(see)
for name, kind in (("cold", "general"), ("warm", "error")):  # of each the first: it has a delivery task
    tenant.set(name)
    send_notification[kind].delay(title="with a context")
tenant.set("by apply_async")
send_notification["security"].apply_async(kwargs={"title": "T"}, task_id="applied")
"""


def test_a_handler_of_celerys_signal_sees_the_callers_context(redis_url: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CALL + CONTEXT], env={"REDIS_URL": redis_url, "PATH": ""}, cwd=tmp_path,
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert [line for line in done.stderr.splitlines() if line.startswith("seen")] == [
        "seen cold", "seen warm", "seen by apply_async",
    ]  # fmt: skip
