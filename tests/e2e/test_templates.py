"""An alert by its template: from Python, and from a program that knows the name of the task alone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery

from notifier.errors import NotDelivered
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, Notifier, RunPython
from tests.unit.test_templates import GUIDE_EXAMPLE, write

ERROR: dict[str, Any] = {"name": "send_notification.error", "queue": "notifications.error"}
CONTEXT = {"service": "api", "error": "__init__ failed"}


@pytest.fixture
def foreign(redis_url: str) -> Iterator[Celery]:
    """A program that knows the name of the task, and nothing else."""
    app = Celery("foreign", broker=redis_url, backend=redis_url, set_as_current=False)
    yield app
    app.close()


@pytest.mark.slow
def test_a_broken_template_costs_the_alerts_that_use_it_alone_and_they_are_sent_once_it_is_mended(
    application: Application, foreign: Celery, sandbox: Sandbox, start_worker: StartWorker, notifier: Notifier,
    tmp_path: Path,
) -> None:  # fmt: skip
    folder = tmp_path / "own"
    folder.mkdir()
    write(folder, 'alert_type = "error"\ntitle = "{{ servic }}"\n[variables]\nservice = {}', "mine")
    worker = start_worker(NOTIFIER_TEMPLATES_DIR=str(folder))
    told = r"mine\.toml: title: 'servic' is no variable of it; service\?"
    worker.wait_for(told)
    good = foreign.send_task(**ERROR, kwargs={"template": "service_error", "context": CONTEXT, "source": "mine"})
    given = {"template": "mine", "context": {"service": "api"}, "fields": {"Shard": 3}}
    bad = foreign.send_task(**ERROR, kwargs=given)

    assert application.wait([str(good.id)])[0]["status"] == "delivered"
    (embed,) = sandbox.messages()[0]["embeds"]
    assert (embed["title"], embed["footer"]["text"]) == ("api: \\_\\_init\\_\\_ failed", "mine")

    with pytest.raises(NotDelivered, match=rf"^rejected: template_error \({told}") as raised:
        application.result(str(bad.id))
    assert json.loads(raised.value.record["given"]) == {"args": [], "kwargs": given}
    own = {"NOTIFIER_TEMPLATES_DIR": str(folder)}
    checked = notifier("check", "--json", **own)
    assert checked.returncode == 1
    assert list(json.loads(checked.stdout)["templates"]) == ["mine"]

    write(folder, 'alert_type = "error"\ntitle = "Mine {{ service }}"\n[variables]\nservice = {}', "mine")
    assert notifier("check", **own).returncode == 0
    replayed = json.loads(notifier("dead", "replay", str(bad.id), "--json", **own).stdout)["replayed"]
    (record,) = application.wait([replayed[0]["as"]])
    assert (record["status"], record["message"]["title"]) == ("delivered", "Mine api")
    assert [field["value"] for field in record["message"]["fields"]] == ["3"]


def test_the_guides_example_arrives_field_for_field(worker: object, run_python: RunPython, sandbox: Sandbox) -> None:
    program = """
from notifier import NotificationMessage, send_notification
context = {"artist": "Artist", "title": "Mix Title", "tracks": 15}
at = "2024-01-01T12:00:00Z"
send_notification.delay(template="tracklist_generated", context=context, timestamp=at).get(timeout=60)
send_notification["tracklist"].delay(template="tracklist_generated", context=context, timestamp=at).get(timeout=60)
message = NotificationMessage.from_template("tracklist_generated", overrides={"timestamp": at}, **context)
send_notification.delay(message).get(timeout=60)
"""
    done = run_python(program)
    assert done.returncode == 0, done.stderr
    wanted = {**GUIDE_EXAMPLE["embeds"][0]}
    at = wanted.pop("timestamp").removesuffix("Z")
    arrived = [embed for message in sandbox.messages() for embed in message["embeds"]]
    assert len(arrived) == 3
    for embed in arrived:
        assert {key: embed.get(key) for key in wanted} == wanted
        assert embed["timestamp"].startswith(at)
