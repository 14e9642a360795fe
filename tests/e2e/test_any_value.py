"""Values of any kind that an application, a foreign program and a shell give are delivered: Discord refuses none."""

import json
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from notifier.cli.processes import Process
from tests.conftest import Sandbox
from tests.e2e.conftest import Application, Notifier, RunPython
from tests.hostile_values import hostile_values

NAMES = "title message fields source url username avatar_url author image buttons poll content metadata"
"""Not `thread_name`: of a channel that is no forum it is refused whatever it says, and then left out."""
RAISE = f"""
import itertools, json
from tasks import send_notification
from tests.hostile_values import hostile_values
names, types = itertools.cycle({NAMES.split()!r}), itertools.cycle(["general", "critical", "tracklist", "monitoring"])
raised = [
    send_notification.delay(**{{"title": "T", "alert_type": next(types), next(names): value}}).id
    for value in itertools.islice(hostile_values(), 2, None, 61)
]
print(json.dumps(raised))
"""
SHOWN = (
    "a\x1b[8m\u202eb",
    "\ufeff",
    "💥" * 300,
    "'; DROP TABLE alerts;--",
    "\udcff\udcfe",
    "@everyone `",
    " ",
    "\\",
    "=",
)


@pytest.mark.slow
def test_values_of_any_kind_are_delivered_whichever_way_they_come_in(
    application: Application,
    sandbox: Sandbox,
    worker: Process,
    redis_url: str,
    run_python: RunPython,
    notifier: Notifier,
) -> None:
    checkout = Path(__file__).parents[2]
    ids: list[str] = json.loads(run_python(RAISE, cwd=checkout, DISCORD_QUEUE_SIZE="1000").stdout)
    assert len(ids) > 40
    application.wait(ids)

    foreign = Celery("foreign", broker=redis_url, set_as_current=False)
    for place, value in enumerate(_of_json()):
        given = {"title": "T", NAMES.split()[place % 13]: value}
        sent = foreign.send_task("send_notification.error", queue="notifications.error", kwargs=given)
        ids.append(str(sent.id))
    foreign.close()
    for text in SHOWN:
        done = notifier("send", "security", text, "-m", text, "--field", f"Field={text}", "--url", text, "--json")
        assert done.returncode == 0, done.stderr
        ids.append(json.loads(done.stdout)["id"])

    assert {record["status"] for record in application.wait(ids)} == {"delivered"}
    assert application.pipeline.dead_letters.list() == []
    assert [each for each in sandbox.posts() if each["status"] == 400] == []


def _of_json() -> list[Any]:
    """Those that a foreign program can write."""
    found = []
    for value in list(hostile_values())[1::127]:
        try:
            found.append(json.loads(json.dumps(value)))
        except Exception:  # noqa: S112 - of the value's own methods, or of JSON
            continue
    return found
