"""Text that attacks its reader reaches neither a terminal nor a log, whichever way it comes in."""

import base64
import json
import os
import pty
import re
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from kombu import Exchange, Queue

from notifier.cli.processes import Process
from notifier.models import AlertType
from notifier.storage.connection import connect
from tests.conftest import Sandbox, StartWorker
from tests.e2e.conftest import Application
from tests.forked import start_module
from tests.hostile import MARK, ONE_LINE, TEXT, assert_harmless
from tests.servers import until

QUEUE = "notifications.error"
CONCEALED = "\x1b[8m"
STYLE = re.compile(r"\x1b\[[0-9;]*m|\x1b\[\?25[lh]|\r?\x1b\[2K|\x1b\[1A")
"""What rich draws a table and a progress bar with."""
Terminal = Callable[..., str]


@pytest.fixture
def terminal(configured: dict[str, str], tmp_path: Path) -> Terminal:
    """Runs a command on a terminal; what it wrote there, output and errors."""

    def run(*arguments: str, **environment: str) -> str:
        ours, theirs = pty.openpty()
        tty.setraw(theirs)  # else a line feed becomes two characters
        variables = {**configured, "TERM": "xterm-256color", "COLUMNS": "200", **environment}
        place = Path(os.ttyname(theirs))
        process = start_module("notifier", ["notifier", *arguments], place, env=variables, cwd=tmp_path)
        os.close(theirs)
        written = b""
        try:
            while read := os.read(ours, 65_536):
                written += read
        except OSError:  # Linux: nobody has the other end any more
            pass
        os.close(ours)
        process.stop()
        return written.decode(errors="surrogateescape")

    return run


def assert_shown(name: str, written: str) -> None:
    assert CONCEALED not in written, f"{name} lets a text choose its style"
    assert_harmless(name, STYLE.sub("", written))


@pytest.mark.slow
def test_no_command_lets_a_terminal_obey_a_text(
    terminal: Terminal, application: Application, sandbox: Sandbox, worker: Process
) -> None:
    delivered = application.raise_alerts(TEXT, message=TEXT, fields={ONE_LINE: TEXT}, source=ONE_LINE)[0]
    application.wait([delivered])
    refusal = {"code": 50035, "message": TEXT, "errors": {"embeds": {"0": {"title": {"_errors": [{"message": TEXT}]}}}}}
    sandbox.fault(kind="status", status=400, body=refusal, webhook_id="1000000000000000003")
    dead = application.raise_alerts(TEXT, message=TEXT, fields={ONE_LINE: TEXT}, alert_type=AlertType.CRITICAL)[0]
    application.wait([dead])
    token = sandbox.variables["DISCORD_WEBHOOK_GENERAL"].rpartition("/")[2]
    webhook = sandbox.call("GET", "webhooks/1000000000000000001")
    sandbox.call("PUT", f"webhooks/{webhook['id']}", name="n\u202e\x9be", token=token, channel_id=webhook["channel_id"])
    application.pipeline.redis.lpush(QUEUE, f"garbage {TEXT}")
    until(lambda: application.pipeline.unreadable.list(), "an unreadable entry")
    commands: list[tuple[str, ...]] = [
        ("history",),
        ("explain", delivered),
        ("explain", dead),
        ("explain", f"none {ONE_LINE[:30].replace(chr(0), '')}"),
        ("dead", "list"),
        ("dead", "show", dead),
        ("dead", "show", "none \x1b[8m\u202e"),
        ("dead", "unreadable"),
        ("check",),
        ("gate", "list"),
        ("gate", "reset", "no\x1b[8mtype"),
        ("withdraw", "none\x1b[8m\u202e"),
        ("send", "error", "T", "--color", "\x1b[8m\u202e"),
        ("send", "error", "T", "--field", "\x1b[8m\u202e"),
        ("send", "--no\x1b[8m\u202e"),
        ("no\x1b[8m\u202e",),
        ("send", "-t", "none\x1b[8m\u202e"),
        ("dead", "replay", dead, "--set", "no\x1b[8m\u202efield=1"),
    ]
    written = {" ".join(map(ascii, command)): terminal(*command) for command in commands}
    for name, text in written.items():
        assert text.strip(), name
        assert_shown(name, text)
    shown = "\n".join(written.values())
    assert MARK in written["'history'"]
    assert r"\x1b]52;c;ZmFrZQ==\x07" in shown
    steps = [line for line in written[f"'explain' '{delivered}'"].splitlines() if MARK in line or "forged" in line]
    assert steps
    # each step begins with its time; what it says is behind that, or below it and indented
    assert [line for line in steps if not line.startswith("  ") and line[:2] != "20"] == [], "no step of its own"


@pytest.mark.slow
def test_json_on_a_terminal_is_json_with_the_same_text(
    terminal: Terminal, application: Application, sandbox: Sandbox, worker: Process
) -> None:
    notification_id = application.raise_alerts(TEXT, message=TEXT)[0]
    (record,) = application.wait([notification_id])
    for arguments in (("history", "--json"), ("explain", notification_id, "--json"), ("check", "--json")):
        written = terminal(*arguments)
        assert_harmless(" ".join(arguments), written)
        found = json.loads(written)
        if arguments[0] == "history":
            assert found[0]["message"] == record["message"]
            assert MARK in found[0]["message"]["title"]


def foreign_task(app: Celery, name: str, **given: Any) -> None:
    """Sent by a program that knows the name alone; it may name its task as it likes."""
    queue = Queue(QUEUE, Exchange("notifications", type="direct"), routing_key=QUEUE)
    with app.connection_for_write() as connection, app.amqp.Producer(connection) as producer:
        app.send_task(name, queue=queue, producer=producer, **given)


def raise_hostile(application: Application, sandbox: Sandbox, redis_url: str) -> None:
    """Alerts, tasks, entries and remote control, all with such a text in every place that there is."""
    refusal = {"code": 50035, "message": TEXT, "errors": {"embeds": {"0": {"title": {"_errors": [{"message": TEXT}]}}}}}
    sandbox.fault(kind="status", status=400, body=refusal, webhook_id="1000000000000000003")
    ids = application.raise_alerts(TEXT, message=TEXT, fields={ONE_LINE: TEXT}, source=ONE_LINE)
    ids += application.raise_alerts(TEXT, message=TEXT, alert_type=AlertType.CRITICAL)
    application.wait(ids)
    foreign = Celery("foreign", broker=redis_url, set_as_current=False)
    error = "send_notification.error"
    foreign_task(foreign, error, kwargs={"title": TEXT, "message": TEXT})
    foreign_task(foreign, error, kwargs={"title": TEXT, "message": TEXT, ONE_LINE: TEXT})
    foreign_task(foreign, error, args=[TEXT, {"a": TEXT}], kwargs={"message": TEXT})
    foreign_task(foreign, error, kwargs={"title": TEXT, "message": TEXT, "severity": TEXT})
    foreign_task(foreign, error, kwargs={"title": TEXT}, task_id=f"\x1b[8m\n{TEXT.replace(MARK, '')}")
    link = foreign.signature("none", kwargs={"text": TEXT})
    foreign_task(foreign, error, kwargs={"title": TEXT}, link=link, link_error=link)
    foreign_task(foreign, "celery.accumulate", args=[TEXT])
    item = {
        "task": "celery.accumulate",
        "args": [],
        "kwargs": {},
        "options": {},
        "subtask_type": None,
        "immutable": False,
    }
    foreign_task(foreign, "celery.map", kwargs={"task": item, "it": [TEXT]})
    foreign_task(
        foreign, "celery.map", kwargs={"task": {**item, "task": error}, "it": [{"title": TEXT, "color": TEXT}]}
    )
    foreign_task(foreign, "send_notification.wake_up", args=[TEXT, TEXT])
    foreign_task(foreign, f"unknown\x1b[8m{TEXT.replace(MARK, '')}", kwargs={"title": TEXT})
    foreign.close()
    client = connect(redis_url, 5)
    client.lpush(QUEUE, f"garbage {TEXT}")
    body = base64.b64encode(b'["' + TEXT.encode() + b'\xff"]').decode()
    properties = {
        "body_encoding": "base64",
        "delivery_tag": "t",
        "delivery_info": {"exchange": "", "routing_key": QUEUE},
    }
    message = {"headers": {"task": error, "id": "i"}, "properties": properties, "content-type": "application/json"}
    client.lpush(QUEUE, json.dumps({**message, "body": body, "content-encoding": "utf-8"}))
    client.close()
    control, name = application.app.control, TEXT.replace(MARK, "")
    control.revoke(f"id{name}")
    control.broadcast(f"none{name}")
    control.rate_limit(f"none{name}", "1/s")
    control.time_limit(f"none{name}", 3, 4)
    control.cancel_consumer(f"none{name}")


@pytest.mark.slow
def test_no_line_of_a_workers_log_is_forged_and_no_text_of_an_alert_is_in_it(
    start_worker: StartWorker, application: Application, sandbox: Sandbox, redis_url: str
) -> None:
    worker = start_worker("--loglevel", "INFO")
    raise_hostile(application, sandbox, redis_url)
    until(lambda: "Change time limit attempt for unknown task" in worker.output(), "the last of remote control")
    until(lambda: len(application.pipeline.unreadable.list()) == 3, "all entries")
    until(lambda: "send_notification.wake_up" in worker.output() and "ValueError" in worker.output(), "every task")
    application.wait(application.raise_alerts("the last", alert_type=AlertType.ERROR))
    log_file = worker.log.parent / "logs" / "notifications.log"
    for name, text in {"the output": worker.output(), "the log file": log_file.read_text()}.items():
        assert_harmless(name, text, forgeable=False)
        assert MARK not in text, name
        assert "succeeded in" in text
        assert "invalid_payload" in text
        assert r"\x1b[8m" in text, "a name is there, escaped"
        heads = [line for line in text.splitlines() if "/MainProcess] " in line[:60] and not line.startswith("    ")]
        assert len(heads) > 20


@pytest.mark.slow
def test_at_debug_a_workers_log_is_harmless_too(
    start_worker: StartWorker, application: Application, sandbox: Sandbox, redis_url: str
) -> None:
    worker = start_worker()
    raise_hostile(application, sandbox, redis_url)
    until(lambda: "Change time limit attempt for unknown task" in worker.output(), "the last of remote control")
    until(lambda: len(application.pipeline.unreadable.list()) == 3, "all entries")
    application.wait(application.raise_alerts("the last", alert_type=AlertType.ERROR))
    assert_harmless("the output", worker.output(), forgeable=False)
    assert MARK in worker.output(), "at DEBUG, tasks are logged with what they hold"
