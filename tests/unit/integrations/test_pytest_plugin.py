"""A test run that did not pass is one alert: pytest itself, as a process, with and without pytest-xdist."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from notifier.integrations.pytest_plugin import SessionAlert
from notifier.testing import Alerts, pytest_configure
from tests.inner_pytest import run_pytest

CONFTEST = """
import json, pathlib
from notifier.producer import captures
def note(message):
    with pathlib.Path("sent.jsonl").open("a") as file:
        file.write(message.model_dump_json() + "\\n")

captures.BACKENDS["null"] = note
"""
FAILING = """
import pytest

def test_fine(): pass

@pytest.mark.parametrize("number", range(12))
def test_fails(number):
    assert number == "*x*", f"not __{number}__"

@pytest.fixture
def broken():
    raise OSError("no database")

def test_error(broken): pass

@pytest.mark.skip
def test_skipped(): pass
"""


def run(folder: Path, *options: str) -> tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]:
    """Run it; what alerts it has raised."""
    folder = folder / "shop"
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_shop.py").write_text(FAILING)
    done = run_pytest(folder, *options, NOTIFIER_BACKEND="null")
    sent = folder / "sent.jsonl"
    return done, [json.loads(each) for each in sent.read_text().splitlines()] if sent.exists() else []


@pytest.mark.parametrize("processes", ["-n0", pytest.param("-n2", marks=pytest.mark.slow)])
def test_a_run_that_fails_is_one_alert_with_counts_and_the_first_failures(tmp_path: Path, processes: str) -> None:
    done, (alert,) = run(tmp_path, "--notify", processes)
    assert done.returncode == 1
    assert "notifier: an alert of type error was raised" in done.stdout
    assert (alert["alert_type"], alert["title"]) == ("error", "shop: 13 of 15 tests failed")
    lines = alert["message"].splitlines()
    assert len(lines) == 11
    # whichever came first: of two processes one may start late
    listed = {f"test_shop.py::test_fails[{number}]: AssertionError: not __{number}__" for number in range(13)}
    assert len(set(lines[:-1]) & listed) == 10
    assert lines[-1] == "and 3 more"
    assert alert["markdown"] is False
    fields = {each["name"]: each["value"] for each in alert["fields"]}
    assert (fields["Passed"], fields["Failed"]) == ("2", "13")


def ended(session: SessionAlert, exitstatus: int) -> str:
    """End it; what it says in the terminal."""
    said: list[str] = []
    session.pytest_sessionfinish(exitstatus)
    session.pytest_terminal_summary(SimpleNamespace(write_line=said.append))
    return "".join(said)


@pytest.mark.parametrize(
    ("exitstatus", "title"),
    [
        (pytest.ExitCode.OK, None),
        (pytest.ExitCode.INTERRUPTED, None),
        (pytest.ExitCode.USAGE_ERROR, None),
        (pytest.ExitCode.NO_TESTS_COLLECTED, "shop: no tests collected"),
        (pytest.ExitCode.INTERNAL_ERROR, "shop: internal error"),
    ],
)
def test_without_failures_only_a_run_that_is_none_is_an_alert(
    exitstatus: int, title: str | None, alerts: Alerts
) -> None:
    ended(SessionAlert("monitoring", "shop"), exitstatus)
    assert [(each.title, each.alert_type) for each in alerts.sent] == ([(title, "monitoring")] if title else [])


def test_a_file_that_cannot_be_collected_is_told(alerts: Alerts) -> None:
    session = SessionAlert("error", "shop")
    session.pytest_collectreport(pytest.CollectReport("a.py", "failed", "Traceback\nE   OSError: no module", []))
    ended(session, pytest.ExitCode.INTERRUPTED)
    (alert,) = alerts.sent
    assert (alert.title, alert.message) == ("shop: 1 of 1 test failed", "a.py: E   OSError: no module")


def test_what_goes_wrong_with_the_alert_is_said_and_ends_nothing(alerts: Alerts) -> None:
    said = ended(SessionAlert("errors", "shop"), pytest.ExitCode.INTERNAL_ERROR)
    assert said.startswith("notifier: no alert was raised: alert_type: none of general, error")
    alerts.assert_none_sent()


def test_who_does_not_ask_gets_none() -> None:
    config = SimpleNamespace(getoption={"notify": False}.get)
    pytest_configure(config)  # type: ignore[arg-type]  # and would fail if it went on
