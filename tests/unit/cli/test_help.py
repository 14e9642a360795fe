"""Every command has a help text with examples."""

import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from notifier.cli import main
from notifier.cli.help_page import with_fitting_help


def every_command(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """This one and all below it."""
    yield path
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))
        else:
            yield (*path, name)


@pytest.mark.parametrize("command", list(every_command(main)), ids=" ".join)
def test_help_has_examples(command: tuple[str, ...]) -> None:
    told = CliRunner().invoke(main, [*command, "--help"])
    assert told.exit_code == 0
    assert "Examples:" in told.output


@pytest.mark.parametrize("command", list(every_command(main)), ids=" ".join)
def test_what_is_said_of_an_example_can_be_pasted_with_it(command: tuple[str, ...]) -> None:
    told = CliRunner().invoke(main, [*command, "--help"], terminal_width=200).output
    examples, *_ = told.partition("Examples:")[2].split("\n\n")
    assert examples.strip()
    assert re.findall(r"\S {2,}[^ #].*", examples) == []


@pytest.mark.parametrize("command", list(every_command(main)), ids=" ".join)
def test_what_each_command_of_a_list_does_is_told_whole(command: tuple[str, ...]) -> None:
    told = CliRunner().invoke(main, [*command, "--help"]).output
    assert re.findall(r".*\.\.\.$", told.partition("\nCommands:\n")[2], re.MULTILINE) == []


@pytest.mark.parametrize("command", list(every_command(main)), ids=" ".join)
def test_help_fits_sixty_columns_of_ascii(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    with pytest.raises(SystemExit):
        main([*command, "--help"])
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if len(line) > 60 and "://" not in line] == []
    assert printed.isascii()


def test_an_example_that_is_too_long_goes_on_as_a_shell_reads_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @with_fitting_help
    @click.command()
    def command() -> None:
        """What it does.

        \b
        Examples:
          command --name "two words that stay" --other=1 -- one two-three    # what it is for
        """

    monkeypatch.setenv("COLUMNS", "40")
    with pytest.raises(SystemExit):
        command(["--help"])
    assert (
        '\n    command --name "two words that stay" \\\n      --other=1 -- one two-three\n      # what it is for\n'
        in capsys.readouterr().out
    )
