"""However many wait for their records, it costs a process one thread and two connections, and delays no other call."""

import json
import subprocess
import sys

import pytest

from notifier.service import SEND_THREADS
from tests.e2e import many_wait
from tests.e2e.conftest import RunPython

WAITERS = 1_000
FORKED = """
import os, sys, threading
from notifier.pipeline import client_pipeline
from notifier.storage.connection import connect
from tests.results import store, waited_for
from tests.servers import until

app, client = client_pipeline().app, connect(os.environ["REDIS_URL"], 5)
store(client, "before", 1)
with_one = [app.AsyncResult("before").get(timeout=20)]
try:
    app.AsyncResult("other").get(timeout=0.2)
except app.AsyncResult.TimeoutError:
    pass
children = []
for number in range(3):
    if not (pid := os.fork()):
        both = [app.AsyncResult("after"), app.AsyncResult(f"own{number}")]
        os._exit(0 if app.GroupResult("g", both).get(timeout=20) == [2, number] else 1)
    children.append(pid)

def answer():
    until(lambda: waited_for(client) == 4 and client.pubsub_numsub("celery-task-meta-after")[0][1] == 4, "all four")
    store(client, "after", 2)
    for number in range(3):
        store(client, f"own{number}", number)

threading.Thread(target=answer).start()
print(app.AsyncResult("after").get(timeout=20), [os.waitpid(child, 0)[1] for child in children])
"""


@pytest.mark.slow
def test_a_thousand_wait_at_once_and_a_plain_call_beside_them_is_not_delayed(configured: dict[str, str]) -> None:
    environment = {**configured, "DISCORD_QUEUE_SIZE": "5000"}
    done = subprocess.run(
        [sys.executable, "-m", many_wait.__name__, str(WAITERS)],
        env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    waiting, delivered, threads, connections, alone, beside = json.loads(done.stdout)
    assert (waiting, delivered) == (WAITERS, WAITERS)
    assert threads <= SEND_THREADS + 3, "those that send, the one that reads, and this program's own"
    assert connections <= 3 * SEND_THREADS + 5, "three of each that sends, two that read, this program's own"
    assert beside < 5 * alone


def test_after_a_fork_parent_and_children_wait_at_once(run_python: RunPython) -> None:
    done = run_python(FORKED)
    assert (done.returncode, done.stdout) == (0, "2 [0, 0, 0]\n"), done.stderr
