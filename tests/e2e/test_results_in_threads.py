"""Results may be read in other threads than the one that raised the alerts."""

import pytest

from tests.e2e.conftest import RunPython

PROGRAM = """
import threading
from notifier import send_notification

ROUNDS, ALERTS = 3, 20
answers = []

def get(result):
    try:
        answers.append(result.get(timeout=30)["status"])
    except BaseException as error:
        answers.append(f"{type(error).__name__}: {error}"[:100])

for _ in range(ROUNDS):
    results = [send_notification.delay(title=f"alert {n}") for n in range(ALERTS)]
    threads = [threading.Thread(target=get, args=(result,)) for result in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print(sorted(set(answers)), len(answers))
"""


@pytest.mark.slow
@pytest.mark.usefixtures("worker")
def test_twenty_threads_wait_for_what_one_has_raised(run_python: RunPython) -> None:
    done = run_python(PROGRAM)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['delivered'] 60"
