"""The real Apprise, its command line as well."""

import logging
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from notifier.testing import Alerts

with warnings.catch_warnings():  # of its own plugins
    warnings.simplefilter("ignore")
    from apprise import Apprise, NotifyFormat, NotifyType

    from notifier.integrations import apprise as plugin


def notify(url: str, **what: Any) -> bool:
    """Notify one service."""
    apprise = Apprise()
    assert apprise.add(url)
    return bool(apprise.notify(**what))


@pytest.mark.parametrize(
    ("kind", "severity"),
    [(NotifyType.INFO, "info"), (NotifyType.SUCCESS, "info"), (NotifyType.WARNING, "warning"),
     (NotifyType.FAILURE, "error")],
)  # fmt: skip
def test_what_apprise_is_given_is_an_alert(kind: NotifyType, severity: str, alerts: Alerts) -> None:
    assert notify("notifier://monitoring?source=backup", title="T *1*", body="all *of* it", notify_type=kind)
    (alert,) = alerts.sent
    assert (alert.alert_type, alert.title, alert.message) == ("monitoring", "T *1*", "all *of* it")
    assert (alert.severity, alert.source, alert.markdown) == (severity, "backup", False)


def test_markdown_stays_markdown_and_html_becomes_text(alerts: Alerts) -> None:
    assert notify("notifier://error", title="T", body="**bold**", body_format=NotifyFormat.MARKDOWN)
    assert notify("notifier://error", title="T", body="<b>bold</b> &amp; <i>more</i>", body_format=NotifyFormat.HTML)
    assert [(each.message, each.markdown) for each in alerts.sent] == [("**bold**", True), ("bold & more", False)]


def test_without_a_title_and_a_type_the_first_line_is_the_title_of_a_general_alert(alerts: Alerts) -> None:
    assert notify("notifier://", body="first\nsecond")
    (alert,) = alerts.sent
    assert (alert.alert_type, alert.title, alert.message) == ("general", "first", "second")


def test_a_long_text_comes_whole(alerts: Alerts) -> None:
    assert notify("notifier://error", title="T", body="x" * 200_000)
    assert len(alerts.assert_sent(count=1).message) == 200_000


def test_attachments_are_files(alerts: Alerts, tmp_path: Path) -> None:
    (tmp_path / "report.txt").write_text("all fine")
    assert notify("notifier://error", title="T", body="B", attach=str(tmp_path / "report.txt"))
    (file,) = alerts.assert_sent(count=1).files
    assert (file.name, file.content, file.content_type) == ("report.txt", b"all fine", "text/plain")


def test_of_an_attachment_that_is_too_large_no_beginning_is_sent(
    alerts: Alerts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("notifier.attached.BYTES_MAX", 10)
    (tmp_path / "dump").write_bytes(b"x" * 11)
    assert notify("notifier://error", title="T", body="B", attach=str(tmp_path / "dump"))
    (alert,) = alerts.sent
    assert (alert.files, alert.adjusted) == ((), ("files: file 1 left out: more than 10 bytes together",))


def test_an_attachment_that_is_not_there_fails(alerts: Alerts, tmp_path: Path) -> None:
    assert not notify("notifier://error", title="T", body="B", attach=str(tmp_path / "none.txt"))
    alerts.assert_none_sent()


def test_what_is_wrong_fails_and_is_said(alerts: Alerts, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "apprise"):
        assert not notify("notifier://errors", title="T", body="B")
    alerts.assert_none_sent()
    assert "none of general, error" in caplog.text


@pytest.mark.slow
def test_its_command_line_finds_the_plugin_by_its_path(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("apprise")), "--plugin-path", str(plugin.__file__), "-v"]
    arguments = ["-t", "Backup failed", "-b", "disk full", "-n", "failure", "notifier://critical"]
    done = subprocess.run(
        [*command, *arguments],
        cwd=tmp_path, env={"NOTIFIER_BACKEND": "console", "HOME": str(tmp_path)}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"critical .*\n(.*\n)*.*Backup failed(.*\n)*.*disk full", done.stderr), done.stderr
