"""A worker's log: what comes from outside forges no record, controls no terminal, and is not quoted above DEBUG."""

import io
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from notifier.storage.broker import create_app
from notifier.worker.log import EscapingFormatter
from tests.hostile import FORGED, MARK, TEXT, assert_harmless

FORMAT = "[%(asctime)s: %(levelname)s/%(processName)s] %(message)s"


class Terminal(io.StringIO):
    """Where the log is text."""

    def isatty(self) -> bool:
        return True


class Log:
    """A logger with the handler that Celery makes for a worker of ours."""

    def __init__(self, formatter: str, *, colorize: bool) -> None:
        self.stream = Terminal()
        self.logger = logging.Logger("a worker's")
        more: dict[str, Any] = {}
        if formatter == "task":
            from celery.app.log import TaskFormatter

            more["formatter"] = TaskFormatter
        create_app("ours").log.setup_handlers(self.logger, self.stream, FORMAT, colorize, **more)

    def text(self) -> str:
        """What it has written."""
        return self.stream.getvalue()


@pytest.fixture(params=["worker", "task"])
def log(request: pytest.FixtureRequest) -> Log:
    return Log(request.param, colorize=False)


@pytest.fixture
def level(request: pytest.FixtureRequest) -> Iterator[None]:
    """The level of the root logger, which is the worker's."""
    before = logging.root.level
    logging.root.setLevel(request.param)
    yield
    logging.root.setLevel(before)


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as found:
        return found


def test_a_record_stays_one_whatever_is_in_it(log: Log) -> None:
    log.logger.warning("%s", TEXT, stack_info=True)
    log.logger.error("failed", exc_info=raised(OSError(TEXT)))
    log.logger.error("last")
    assert_harmless("the log", log.text(), forgeable=False)
    heads = [line for line in log.text().splitlines() if not line.startswith("    ")]
    assert [line.split("] ")[1][:6] for line in heads] == [MARK[:6], "failed", "last"]


def test_a_traceback_keeps_its_lines(log: Log) -> None:
    log.logger.error("failed", exc_info=raised(OSError("the disk")))
    lines = log.text().splitlines()
    assert lines[1] == "    Traceback (most recent call last):"
    assert lines[2].startswith("      File ")
    assert lines[-1] == "    OSError: the disk"


def test_a_terminal_still_sees_colours_and_no_other_sequence() -> None:
    log = Log("worker", colorize=True)
    log.logger.error("%s", TEXT)
    assert log.text().startswith("\x1b[1;31m[")
    assert log.text().endswith("\x1b[0m\n")
    assert_harmless("the log", log.text().replace("\x1b[1;31m", "").replace("\x1b[0m", ""), forgeable=False)


SUCCEEDED = "Task %(name)s[%(id)s] succeeded in %(runtime)ss: %(return_value)s"
FAILED = "Task %(name)s[%(id)s] %(description)s: %(exc)s"


def written(log: Log) -> str:
    log.logger.info(SUCCEEDED, {"name": "a.task", "id": "1", "runtime": 0.5, "return_value": repr({"title": TEXT})})
    for error in (
        raised(ValueError(TEXT)),
        raised(KeyError(TEXT)),
        raised(UnicodeEncodeError("utf-8", TEXT, 0, 1, "x")),
    ):
        log.logger.error(
            FAILED, {"name": "a.task", "id": "2", "description": "raised", "exc": repr(error)}, exc_info=error
        )
    try:
        raise OSError("the true cause") from raised(ValueError(f"wrapped {TEXT}"))
    except OSError:
        log.logger.error("sweep failed", exc_info=sys.exc_info())
    return log.text()


@pytest.mark.parametrize("level", [logging.INFO], indirect=True)
def test_above_debug_no_text_of_an_alert_is_quoted(log: Log, level: None) -> None:
    text = written(log)
    assert MARK not in text
    assert "forged" not in text
    assert "a.task[1] succeeded in 0.5s" in text
    assert "a.task[2] raised: KeyError" in text
    assert "OSError: the true cause" in text


@pytest.mark.parametrize("level", [logging.DEBUG], indirect=True)
def test_at_debug_all_of_it_is_there(log: Log, level: None) -> None:
    text = written(log)
    assert text.count(MARK) >= 6
    assert_harmless("the log", text, forgeable=False)


def test_another_handlers_view_of_the_record_stays_as_it_was() -> None:
    record = logging.LogRecord(
        "a", logging.ERROR, "f", 1, SUCCEEDED, ({"return_value": TEXT, "name": "n", "id": "1", "runtime": 1},), None
    )
    assert FORGED not in EscapingFormatter(FORMAT).format(record)
    assert TEXT in record.getMessage()
