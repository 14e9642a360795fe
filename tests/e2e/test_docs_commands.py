"""Every ``notifier`` command of the pages does what the page says of it: it runs, and ends well."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from notifier.cli.processes import Process
from tests.conftest import Sandbox
from tests.e2e.conftest import RunPython
from tests.e2e.test_docs import COMMANDS, ROOT
from tests.servers import until

ELSEWHERE = {
    "demo": "tests/e2e/test_wheel.py",
    "up": "tests/e2e/test_stack.py",
    "sandbox": "tests/e2e/test_sandbox_page.py",
    "intake": "tests/e2e/test_intake.py",
    "web": "tests/e2e/test_web.py",
    "live": "tests/e2e/test_live_and_ready.py",
    "ready": "tests/e2e/test_live_and_ready.py",
}
"""Commands that run on, or ask a machine: who tests them."""
FAIL = {
    "send --template deploymnt": "a page that shows what is wrong",
    "job run": "there is no /opt/import.sh: the job failed, which is what it is for",
}
"""How those begin that are to end with another exit code than 0."""
PLANT = """
from click.testing import CliRunner
from notifier import app, send_notification
from notifier.cli import main
import json

def told(*words):
    return json.loads(CliRunner().invoke(main, [*words, '--json']).stdout)

send_notification.delay(alert_type='monitoring', title='Disk full', dedup_key='disk/db1')
silence = told('silence', 'add', '--type', 'general', '--match', 'nothing', '--for', '2h', '--by', 'ops', '--why', 'x')
dead = app.send_task('send_notification.error', kwargs={'titel': 'Disk full'}, queue='notifications.error')
late = send_notification['error'].apply_async(kwargs={'title': 'late'}, countdown=3600)
print(json.dumps({'silence': silence['id'], 'dead': dead.id, 'waits': late.id}))
"""
DEAD = """
from click.testing import CliRunner
from notifier.cli import main

print(CliRunner().invoke(main, ['dead', 'list']).output)
"""
RUN = """
import json, sys
from click.testing import CliRunner
from notifier.cli import main

for words in json.loads(sys.argv[1]):
    done = CliRunner().invoke(main, words, input='Disk full\\n/var is at 97 %\\n')
    wrong = '' if done.exception is None or isinstance(done.exception, SystemExit) else repr(done.exception)
    print(json.dumps({'words': words, 'exit_code': done.exit_code, 'output': done.output, 'wrong': wrong}))
"""


def commands(planted: dict[str, str]) -> list[list[str]]:
    """Each of them once, with ids that there are, and without what opens a browser."""
    found: list[list[str]] = []
    for _, (program, *words) in COMMANDS:
        if program != "notifier" or words[0] in ELSEWHERE:
            continue
        known = planted["dead"] if words[0] == "dead" else planted["waits"]
        words = [known if word == "ID" else word for word in words if word != "--open" or words[0] != "preview"]
        if "--wait" in words:
            words[words.index("--wait") + 1] = "60"  # this machine may be busy
        if words[:2] == ["silence", "end"]:
            words[2] = planted["silence"]
        if words not in found:
            found.append(words)
    return sorted(found, key=lambda words: "--resolved" in words)  # what is over can be acknowledged no more


def test_those_that_run_on_have_tests_elsewhere() -> None:
    assert {each for each in ELSEWHERE.values() if not (ROOT / each).exists()} == set()


@pytest.mark.slow
def test_every_command_of_the_pages_runs(
    worker: Process, run_python: RunPython, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "render.log").write_text("frame 12: out of memory\n")
    (tmp_path / "frame.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "alert.json").write_text(json.dumps({"title": "Disk full"}))
    planted = json.loads(run_python(PLANT).stdout)
    until(lambda: "Refused: " in run_python(DEAD).stdout, "the dead letter", poll_seconds=0.5)
    asked = commands(planted)
    assert len(asked) > 30
    done = run_python(f"import sys; sys.argv = ['', {json.dumps(asked)!r}]\n{RUN}")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["words"] for each in answers] == asked, done.stderr
    wrong = [each for each in answers if not ended_as_it_should(each)]
    assert not wrong, f"{json.dumps(wrong, indent=1)}\n{worker.tail()}"


def ended_as_it_should(answer: dict[str, Any]) -> bool:
    fails = any(" ".join(answer["words"]).startswith(each) for each in FAIL)
    return not answer["wrong"] and (answer["exit_code"] != 0) == fails and not re.search("Traceback", answer["output"])
