"""What a command says of an error is text: a terminal obeys nothing in it."""

import click
import pytest
from click.testing import CliRunner

from notifier.cli import COMMANDS, main
from notifier.cli.history import history
from notifier.errors import NotifierError
from tests.hostile import ONE_LINE, assert_harmless


def ended(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str]:
    """The exit code, and what stands on standard error; before 8.2, click's own runner does not tell it apart."""
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code, capsys.readouterr().err


@pytest.mark.parametrize("kind", [NotifierError, click.ClickException, RuntimeError])
def test_an_error_that_quotes_a_text_is_escaped(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise kind(ONE_LINE)

    monkeypatch.setattr(history, "callback", fail)
    status, said = ended(["history"], capsys)
    assert status == 1
    assert_harmless("standard error", said)
    assert r"\x1b]52;c;ZmFrZQ==\x07" in said
    assert ("Traceback" in said) is (kind is RuntimeError)


def test_an_argument_that_is_no_utf_8_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(history, "callback", lambda **_: "a \udcff".encode())
    assert ended(["history"], capsys) == (1, "Error: no text in UTF-8: 'a \\udcff'\n")


@pytest.mark.parametrize("arguments", [[f"--{ONE_LINE}"], ["check", ONE_LINE], [ONE_LINE], ["check", f"--{ONE_LINE}"]])
def test_so_is_what_the_command_line_itself_refuses(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert "check" in COMMANDS
    status, said = ended(arguments, capsys)
    assert status == 2
    assert said
    assert_harmless("standard error", said)


@pytest.mark.parametrize(
    ("ending", "code", "says"),
    [(KeyboardInterrupt, 130, "interrupted\n"), (BrokenPipeError, 141, ""), (click.Abort, 1, "Aborted!\n")],
)
def test_who_interrupts_it_or_reads_no_further_gets_a_line_at_most(
    ending: type[BaseException],
    code: int,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(**_: object) -> None:
        raise ending

    monkeypatch.setattr(history, "callback", fail)
    assert ended(["history"], capsys) == (code, says)


def test_an_interrupted_question_is_no_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr("click.termui.visible_prompt_func", interrupt)
    monkeypatch.setattr(history, "callback", lambda **_: click.confirm("Sure?", err=True))
    status, said = ended(["history"], capsys)
    assert (status, said.rstrip().endswith("interrupted")) == (130, True), "before 8.2, click ends no line"


def test_an_end_that_was_asked_for_stays_one() -> None:
    assert CliRunner().invoke(main, ["--version"]).exit_code == 0
    assert CliRunner().invoke(main, ["history", "--help"]).exit_code == 0
