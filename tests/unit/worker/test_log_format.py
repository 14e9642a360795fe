"""A worker's lines: text in a terminal, JSON elsewhere; each step of an alert is one line that nothing in it forges."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from notifier.models import AlertType
from notifier.storage.broker import create_app
from notifier.worker import log as log_module
from notifier.worker.log import EscapingFormatter, InColour, JsonFormatter, is_json
from notifier.worker.step_log import FIELDS, log_step
from tests.hostile import FORGED, MARK, TEXT, assert_harmless
from tests.no_secrets import assert_no_secrets

FORMAT = "[%(asctime)s: %(levelname)s/%(processName)s] %(message)s"


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def wanted(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The settings; ``log_format`` may be changed."""
    found = SimpleNamespace(log_format="auto")
    monkeypatch.setattr(log_module, "settings", lambda: found)
    return found


@pytest.fixture
def steps(wanted: SimpleNamespace) -> Iterator[Any]:
    """Lets the steps be logged into a stream; returns it."""
    logger = logging.getLogger("notifier.steps")
    before = [*logger.handlers], logger.propagate, logger.level
    logger.propagate = False
    logger.setLevel(logging.INFO)

    def attach(stream: io.StringIO) -> io.StringIO:
        logger.handlers = []  # Celery adds none beside pytest's
        create_app("ours").log.setup_handlers(logger, stream, FORMAT, False)
        return stream

    yield attach
    logger.handlers, logger.propagate = before[:2]
    logger.setLevel(before[2])


@pytest.mark.parametrize(
    ("log_format", "stream", "json_wanted"),
    [
        ("auto", Terminal(), False),
        ("auto", io.StringIO(), True),
        ("auto", None, True),
        ("text", io.StringIO(), False),
        ("json", Terminal(), True),
    ],
)
def test_it_is_text_in_a_terminal_and_json_elsewhere(
    wanted: SimpleNamespace, log_format: str, stream: io.StringIO | None, json_wanted: bool
) -> None:
    wanted.log_format = log_format
    assert is_json(stream) is json_wanted


def test_a_step_is_one_line_of_text(steps: Any) -> None:
    stream = steps(Terminal())
    log_step(
        "retried", "id-1", AlertType.ERROR, logging.WARNING, reason="bad_gateway", wait_seconds=2.5, message_id=None
    )
    head, line = stream.getvalue().split("] ")
    assert head.endswith("WARNING/MainProcess")
    assert line == "Discord alert id-1 (error): retried reason=bad_gateway wait_seconds=2.5\n"


def test_a_step_is_one_document_of_json_with_its_fields(steps: Any) -> None:
    stream = steps(io.StringIO())
    log_step("delivered", "id-1", AlertType.ERROR, message_id="900", attempts=1, reason=None)
    told = json.loads(stream.getvalue())
    assert list(told)[:3] == ["time", "level", "message"]
    assert told.items() >= {
        "level": "INFO", "step": "delivered", "id": "id-1", "type": "error", "message_id": "900", "attempts": 1,
        "message": "Discord alert id-1 (error): delivered message_id=900 attempts=1",
    }.items()  # fmt: skip
    assert told["time"].endswith("+00:00")
    assert "reason" not in told


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_an_id_from_outside_forges_neither_a_line_nor_a_field(steps: Any, stream: type[io.StringIO]) -> None:
    written = steps(stream())
    log_step("delivered", TEXT, AlertType.ERROR)
    log_step("delivered", "a) \nDiscord alert b (error): dead reason=x", AlertType.ERROR)
    lines = written.getvalue().splitlines()
    assert len(lines) == 2
    assert_harmless("the log", written.getvalue(), forgeable=False)
    assert "(error): delivered" in lines[1]
    assert "'a) " in lines[1], "it is quoted"


def test_a_document_stays_one_line_whatever_is_in_it(wanted: SimpleNamespace) -> None:
    stream = io.StringIO()
    logger = logging.Logger("a worker's")
    create_app("ours").log.setup_handlers(logger, stream, FORMAT, False)
    logger.warning("%s", TEXT, stack_info=True)
    try:
        raise OSError(TEXT)
    except OSError:
        logger.exception("failed")
    logger.error("half \ud800 \u2028 \u202e \x85")
    lines = stream.getvalue().split("\n")
    assert (len(lines), lines[-1]) == (4, "")
    assert_harmless("the log", stream.getvalue(), forgeable=False)
    told = [json.loads(line) for line in lines[:-1]]
    assert [each["level"] for each in told] == ["WARNING", "ERROR", "ERROR"]
    assert MARK in told[0]["message"]
    assert told[0]["stack"].startswith("Stack (most recent call last)")
    assert told[1]["traceback"].startswith("Traceback (most recent call last)")


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_an_error_that_holds_the_url_of_a_webhook_shows_no_token(
    wanted: SimpleNamespace, stream: type[io.StringIO]
) -> None:
    written, logger = stream(), logging.Logger("a worker's")
    create_app("ours").log.setup_handlers(logger, written, FORMAT, False)
    url = "https://discord.com/api/v10/webhooks/1000000000000000001/fake-token-in-a-log"
    try:
        raise RuntimeError(f"a bug at {url}?wait=true")
    except RuntimeError:
        logger.exception('"%s"', url, stack_info=True)
    assert written.getvalue().count("webhooks/1000000000000000001/***") >= 2
    assert_no_secrets(texts={"the log": written.getvalue()})
    if stream is io.StringIO:
        assert json.loads(written.getvalue())["message"].endswith('/***"')


def test_json_quotes_no_text_of_an_alert_above_debug_either(
    wanted: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    formatter = JsonFormatter()
    record = logging.LogRecord("celery", logging.INFO, "f", 1, "Task %(name)s: %(return_value)s", None, None)
    record.args = {"name": "a.task", "return_value": repr(TEXT)}
    monkeypatch.setattr(logging.root, "level", logging.INFO)
    assert FORGED not in formatter.format(record)
    assert "a.task" in formatter.format(record)
    try:
        raise ValueError(TEXT)
    except ValueError:
        failed = logging.LogRecord("celery", logging.ERROR, "f", 1, "failed", None, sys.exc_info())
    assert MARK not in formatter.format(failed)
    monkeypatch.setattr(logging.root, "level", logging.DEBUG)
    assert MARK in formatter.format(record)
    assert json.loads(formatter.format(record))["message"].startswith("Task a.task: ")


def test_the_file_has_the_same_form(wanted: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tasks import startup

    monkeypatch.setattr(startup, "settings", lambda: SimpleNamespace(log_file=tmp_path / "of us" / "logs" / "x.log"))
    for log_format in ("auto", "text"):
        wanted.log_format = log_format
        logger = logging.Logger("a worker's")
        startup.open_log_file(logger, FORMAT)
        logger.error("about Discord")
        for each in logger.handlers:
            each.close()
    as_json, as_text = (tmp_path / "of us" / "logs" / "x.log").read_text().splitlines()
    assert json.loads(as_json)["message"] == "about Discord"
    assert as_text.endswith("ERROR/MainProcess] about Discord")


@pytest.mark.parametrize("formatters", [[JsonFormatter()] * 2, [EscapingFormatter(FORMAT), InColour(FORMAT)]])
def test_two_handlers_make_the_line_of_a_record_once(formatters: list[logging.Formatter]) -> None:
    record, asked = logging.makeLogRecord({"msg": "%s"}), list[str]()

    class Argument:
        def __str__(self) -> str:
            asked.append("its text")
            return "delivered"

    record.args = (Argument(),)
    lines = [each.format(record) for each in formatters]
    assert lines[0] == lines[1]
    assert "delivered" in lines[0]
    assert asked == ["its text"]


def test_lines_of_another_form_are_made_anew() -> None:
    record = logging.makeLogRecord({"msg": "delivered", "levelname": "WARNING"})
    text, brief, in_json = (
        each.format(record) for each in (EscapingFormatter(FORMAT), EscapingFormatter("%(message)s"), JsonFormatter())
    )
    assert text.endswith("WARNING/MainProcess] delivered")
    assert brief == "delivered"
    assert json.loads(in_json)["message"] == "delivered"
    assert text in InColour(FORMAT).format(record)
    assert EscapingFormatter(FORMAT).format(record) == text, "the colour of a terminal is not in a file"


def test_within_a_task_a_document_names_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "current_task", SimpleNamespace(request=SimpleNamespace(id="1"), name="a task"))
    record = logging.makeLogRecord({"msg": "it goes on", "levelname": "INFO", "name": "x"})
    told = json.loads(JsonFormatter().format(record))
    assert {"task_id": "1", "task_name": "a task", "message": "it goes on", "level": "INFO"}.items() <= told.items()


def test_a_field_that_json_has_no_form_for_is_its_text(wanted: SimpleNamespace) -> None:
    record = logging.makeLogRecord({"msg": "m", FIELDS: {"at": Path("/discord.com/api/webhooks/1/fake-token")}})
    assert json.loads(JsonFormatter().format(record))["at"] == "/discord.com/api/webhooks/1/***"
