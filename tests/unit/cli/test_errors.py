"""What a command says of an error is text: a terminal obeys nothing in it."""

import click
import pytest
from click.testing import CliRunner

from notifier.cli import COMMANDS, main
from notifier.cli.history import history
from notifier.errors import NotifierError
from tests.hostile import ONE_LINE, assert_harmless


@pytest.mark.parametrize("kind", [NotifierError, click.ClickException, RuntimeError])
def test_an_error_that_quotes_a_text_is_escaped(kind: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise kind(ONE_LINE)

    monkeypatch.setattr(history, "callback", fail)
    done = CliRunner().invoke(main, ["history"])
    assert done.exit_code == 1
    assert_harmless("standard error", done.stderr)
    assert r"\x1b]52;c;ZmFrZQ==\x07" in done.stderr
    assert ("Traceback" in done.stderr) is (kind is RuntimeError)


@pytest.mark.parametrize("arguments", [[f"--{ONE_LINE}"], ["check", ONE_LINE], [ONE_LINE], ["check", f"--{ONE_LINE}"]])
def test_so_is_what_the_command_line_itself_refuses(arguments: list[str]) -> None:
    assert "check" in COMMANDS
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert_harmless("standard error", done.stderr)


def test_an_end_that_was_asked_for_stays_one() -> None:
    assert CliRunner().invoke(main, ["--version"]).exit_code == 0
    assert CliRunner().invoke(main, ["history", "--help"]).exit_code == 0
