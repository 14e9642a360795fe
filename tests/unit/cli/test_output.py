"""Text from outside is printed as it is, but a terminal obeys nothing in it."""

import sys
from datetime import UTC, datetime

import pytest

from notifier.cli.output import echo, print_steps, print_table
from notifier.operations.explain import Step

HOSTILE = "\x1b[2Jcleared \x1b]0;title\x07 \x9b31m [bold]ü\r"


@pytest.mark.parametrize("rich", [True, False])
def test_control_characters_are_shown_and_not_obeyed(
    rich: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not rich:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    print_table("Dead letters", ["title"], [[HOSTILE]])
    print_steps([Step(datetime.now(UTC), HOSTILE)])
    echo(f"two\nlines: {HOSTILE}")
    printed = capsys.readouterr().out
    assert not set(printed) & {"\x1b", "\x07", "\x9b", "\r"}
    assert printed.count(r"\x1b[2Jcleared \x1b]0;title\x07 \x9b31m [bold]ü\r") == 3
    assert "two\nlines" in printed
