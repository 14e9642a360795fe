"""Where ``notifier web`` does not start, it says why in one line."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from notifier.cli import main
from notifier.pipeline import Pipeline
from notifier.settings import Settings
from notifier.storage.broker import create_app


def refused(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """What it says, once it has ended with 1."""
    settings = Settings.load()
    pipeline = Pipeline(create_app("web"), settings)
    monkeypatch.setattr("notifier.pipeline.client_pipeline", lambda: pipeline)
    result = CliRunner().invoke(main, ["web", *arguments])
    assert result.exit_code == 1, result.output
    assert result.output.count("\n") == 1, "one line"
    return result.output


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "db1.example"])
def test_other_machines_are_not_served_without_a_password(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    assert "NOTIFIER_WEB_PASSWORD is not set" in refused(monkeypatch, "--host", host)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_password_that_cannot_be_read_is_not_taken_for_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str
) -> None:
    monkeypatch.setenv("NOTIFIER_WEB_PASSWORD_FILE", str(tmp_path / "none"))
    assert "NOTIFIER_WEB_PASSWORD_FILE: cannot be read" in refused(monkeypatch, "--host", host)


@pytest.mark.parametrize("text", ["", "\n", " \n"])
def test_an_empty_file_is_no_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    (tmp_path / "password").write_text(text)
    monkeypatch.setenv("NOTIFIER_WEB_PASSWORD_FILE", str(tmp_path / "password"))
    assert "NOTIFIER_WEB_PASSWORD is not set" in refused(monkeypatch, "--host", "0.0.0.0")
    assert "NOTIFIER_WEB_PASSWORD_FILE: it holds no password" in refused(monkeypatch)


def test_a_port_that_is_taken_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in refused(monkeypatch, "--port", port)


def test_an_address_of_another_machine_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFIER_WEB_PASSWORD", "fake-token-1")
    assert "cannot listen on 192.0.2.1:8027" in refused(monkeypatch, "--host", "192.0.2.1")
