"""pytest: ``--notify`` raises one alert at the end of a test run that did not pass."""

import time
from typing import Any

import pytest

REASON_CHARACTERS = 200
"""Ours: of why a test has failed."""
TOLD_MAX = 10
"""Ours: failures that are told by name."""
NAME = "notifier-session"
BAD_WITHOUT_FAILURES = (pytest.ExitCode.INTERNAL_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED)


def begin(config: pytest.Config) -> None:
    """Watch a test run, if ``--notify`` asks for it; of pytest-xdist's processes the one that sees all."""
    kind = config.getoption("notify_type")
    if config.getoption("notify") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(SessionAlert(kind, config.rootpath.name), NAME)


class SessionAlert:
    """Counts what a test run comes to.

    Args:
        alert_type: that of the alert.
        project: what was tested; the source of the alert.
    """

    def __init__(self, alert_type: str, project: str) -> None:
        self._type, self._project = alert_type, project
        self._started_at = time.monotonic()
        self._failures: dict[str, str] = {}
        self._tests: set[str] = set()
        self._said = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Of each phase of a test."""
        self._tests.add(report.nodeid)
        if report.failed:
            self._failures.setdefault(report.nodeid, _reason(report))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Of a file or folder."""
        if report.failed:
            self._failures.setdefault(report.nodeid, _reason(report))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Raise the alert. What goes wrong with that is said, and changes nothing of the run's result."""
        if not self._failures and exitstatus not in BAD_WITHOUT_FAILURES:
            return
        try:
            from notifier import send_notification

            send_notification.delay(alert_type=self._type, **self._fields(exitstatus))
            self._said = f"an alert of type {self._type} was raised"
        except Exception as error:
            self._said = f"no alert was raised: {error}"

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say it."""
        if self._said:
            terminalreporter.write_line(f"notifier: {self._said}")

    def _fields(self, exitstatus: int) -> dict[str, Any]:
        from notifier.counting import counted

        count, total = len(self._failures), len(self._tests | self._failures.keys())
        how = f"{count} of {counted(total, 'test')} failed" if count else _end(exitstatus)
        lines = [f"{name or 'collection'}: {why}" for name, why in self._failures.items()]
        more = [f"and {count - TOLD_MAX} more"] if count > TOLD_MAX else []
        minutes, seconds = divmod(round(time.monotonic() - self._started_at), 60)
        return {
            "title": f"{self._project}: {how}",
            "message": "\n".join(lines[:TOLD_MAX] + more),
            "severity": "error",
            "markdown": False,
            "source": "pytest",
            "fields": {"Passed": total - count, "Failed": count, "Took": f"{minutes} min {seconds} s"},
        }


def _end(exitstatus: int) -> str:
    return pytest.ExitCode(exitstatus).name.lower().replace("_", " ")


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The line that pytest's own summary shows."""
    crash = getattr(report.longrepr, "reprcrash", None)
    lines = str(crash.message if crash else report.longrepr).strip().splitlines()
    line = next(iter(lines if crash else reversed(lines)), "")
    return line if len(line) <= REASON_CHARACTERS else f"{line[:REASON_CHARACTERS]}…"
