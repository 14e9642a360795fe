"""The files of an alert arrive whole, however long and wherever it waited; what they take there is bounded."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import requests

from notifier.cli.processes import Process
from notifier.errors import QueueFull
from notifier.models import AlertType, NotificationMessage
from notifier.outcome import Status
from notifier.pipeline import Pipeline
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application, Notifier, RunPython
from tests.servers import free_port, until

pytestmark = pytest.mark.slow

MIB = 2**20
PNG = b"\x89PNG\r\n\x1a\n"
NAMES = ("above.png", "below.png", "raw.bin", "text.txt", "read me.log")
PATH = "read me.log"
SPOOLED, BY_NAME = AlertType.ERROR, AlertType.CRITICAL
STATE = "notifier:outbox:general:state"

RAISE = f"""
import sys
from pathlib import Path
from tasks import send_notification
from tests.e2e.test_files import parts
print(send_notification.delay(alert_type="{SPOOLED}", title="spooled", **parts(Path(sys.path[0]))).id)
"""


def contents() -> dict[str, bytes]:
    """What each file holds; the same in every process."""
    every = bytes(range(256)) * 400
    return dict(
        zip(NAMES, (PNG + every, PNG + every[::-1], every, "Zeile — 行\r\n".encode() * 99, b"\0log\n" * 9), strict=True)
    )


def parts(folder: Path) -> dict[str, Any]:
    """Files in each form in which a caller may give them: bytes, a text, a path; two of them are pictures."""
    held = contents()
    (folder / PATH).write_bytes(held[PATH])
    files: list[object] = [(name, held[name]) for name in NAMES[:3]]
    files += [{"name": "text.txt", "content": held["text.txt"].decode()}, folder / PATH]
    return {"files": files, "thumbnail": "above.png", "image": "below.png", "message": "text"}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def assert_whole(sandbox: Sandbox, message: dict[str, Any]) -> None:
    """Check that each file of a message is as it was given, and that two are its pictures."""
    posted = {
        each["filename"]: sha256(requests.get(each["url"], timeout=10).content) for each in message["attachments"]
    }
    assert posted == {name.replace(" ", "_"): sha256(data) for name, data in contents().items()}
    (embed,) = message["embeds"]
    assert embed["thumbnail"]["url"].endswith("/above.png")
    assert embed["image"]["url"].endswith("/below.png")


def spool(run_python: RunPython, folder: Path) -> str:
    """Raise one while there is no Redis; its id."""
    environment = {"NOTIFIER_SPOOL_DIR": str(folder), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = run_python(RAISE, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0", **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def send_by_name(application: Application, folder: Path) -> str:
    """Raise one with a wrong field as a program that knows the task's name alone; its id."""
    fields = NotificationMessage(title="by name", **parts(folder)).model_dump(mode="json", exclude_defaults=True)
    del fields["id"]
    sent = application.app.send_task(
        f"send_notification.{BY_NAME}", queue=f"notifications.{BY_NAME}", kwargs={**fields, "titel": "typo"}
    )
    return str(sent.id)


def kill_at_work(application: Application, sandbox: Sandbox, worker: Process, folder: Path) -> list[str]:
    """Raise one, and kill the worker while its request is under way; its id."""
    sandbox.fault(method="POST", kind="delay", when="before", seconds=60, times=1)
    ids = application.raise_alerts("killed", alert_type=AlertType.GENERAL, **parts(folder))
    until(lambda: sandbox.stats()["requests"] and application.pipeline.redis.hget(STATE, "worker"), "the request")
    worker.kill()
    return ids


def test_they_arrive_whole_from_a_dead_letter_from_the_disk_and_from_a_worker_that_was_killed(
    application: Application,
    sandbox: Sandbox,
    start_worker: StartWorker,
    run_python: RunPython,
    notifier: Notifier,
    tmp_path: Path,
) -> None:
    queues = ",".join(f"notifications.{kind}" for kind in (AlertType.GENERAL, AlertType.SECURITY, BY_NAME))
    doomed = start_worker("-Q", queues, DISCORD_WEBHOOK_SECURITY="")
    refused = send_by_name(application, tmp_path)
    dead = application.raise_alerts("dead", alert_type=AlertType.SECURITY, **parts(tmp_path))
    record, refusal = application.wait([*dead, refused])
    assert (record["reason"], refusal["reason"]) == ("webhook_not_configured", "invalid_message")
    assert record["message"]["files"][0]["bytes"] == len(contents()[NAMES[0]])
    spooled = spool(run_python, tmp_path / "spool")
    killed = kill_at_work(application, sandbox, doomed, tmp_path)
    application.pipeline.dead_letters.replay(*dead)
    application.pipeline.dead_letters.replay(refused, {"titel": None})
    flushed = notifier("spool", "flush", NOTIFIER_SPOOL_DIR=str(tmp_path / "spool"))
    assert flushed.stdout == "1 alert handed over\n"
    start_worker()
    records = application.wait([spooled, *killed])
    assert [each["status"] for each in records] == ["delivered"] * 2
    until(lambda: sandbox.stored == 4, "those that are replayed")
    messages = sandbox.messages()
    assert sorted(each["embeds"][0]["title"] for each in messages) == ["by name", "dead", "killed", "spooled"]
    for message in messages:
        assert_whole(sandbox, message)


@pytest.mark.parametrize("overflow", ["digest", "reject"])
def test_a_flood_of_files_takes_the_bytes_that_may_wait_and_what_is_not_taken_is_told(
    application: Application, overflow: str
) -> None:
    """Redis holds files as base64, a third longer than they are."""
    bound, count, used = 8 * MIB, 20, application.pipeline.redis.info("memory")["used_memory"]
    settings = application.pipeline.settings.model_copy(update={"memory_bytes_max": bound, "queue_overflow": overflow})
    application.pipeline = pipeline = Pipeline(application.app, settings)
    ids, refused = [], 0
    for number in range(count):
        try:
            ids += application.raise_alerts(f"n{number}", files=[("dump.bin", bytes(MIB))])
        except QueueFull:
            refused += 1
    waiting = pipeline.outbox.depth(AlertType.GENERAL)
    assert 0 < waiting * MIB * 4 / 3 < bound
    assert pipeline.redis.info("memory")["used_memory"] - used < 1.25 * bound + MIB
    told = pipeline.history.query(status=Status.FOLDED if overflow == "digest" else Status.QUEUE_FULL, limit=count)
    assert len(told) == count - waiting
    assert refused == (0 if overflow == "digest" else count - waiting)
    assert {each["message"]["files"][0]["bytes"] for each in told} == {MIB}
