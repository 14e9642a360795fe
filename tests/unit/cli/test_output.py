"""Text from outside is printed as it is, but a terminal obeys nothing in it."""

import sys
from datetime import UTC, datetime

import click
import pytest

from notifier.cli.output import Moment, echo, print_steps, print_table
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


@pytest.mark.parametrize(("given", "seconds"), [("90s", 90), ("15m", 900), ("1.5h", 5_400), ("400d", 34_560_000)])
def test_a_moment_may_be_an_age(given: str, seconds: float) -> None:
    moment = Moment().convert(given, None, None)
    assert abs((datetime.now(UTC) - moment).total_seconds() - seconds) < 60


def test_a_moment_of_digits_alone_is_a_date_and_what_is_neither_is_told() -> None:
    assert Moment().convert("20260131", None, None) == datetime(2026, 1, 31, tzinfo=UTC)
    for wrong in ("99999999d", "soon", "d", ""):
        with pytest.raises(click.BadParameter, match="neither a time such as"):
            Moment().convert(wrong, None, None)
