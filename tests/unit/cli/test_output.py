"""Text from outside is printed as it is, but a terminal obeys nothing in it."""

import io
import json
import sys
from datetime import UTC, datetime

import click
import pytest

from notifier.cli.output import Moment, echo, echo_as_is, print_json, print_steps, print_table, warn
from notifier.drawing import draw
from notifier.operations.explain import Step
from notifier.render.batch import Payload

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


@pytest.mark.parametrize("rich", [True, False])
def test_a_character_that_the_terminal_lacks_is_shown_in_those_it_has(
    rich: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not rich:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", out)
    for say in (echo, warn, echo_as_is):
        say("wait … 2 × ⏳")
    print_table("wait …", ["2 ×"], [["⏳"]])
    draw(Payload({"content": "wait … 2 × ⏳"}), out)
    print_json({"title": "⏳"})
    out.flush()
    printed = out.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    assert printed.count(r"wait ... 2 x \u23f3") == 4
    assert "wait ...\n2 x\n\\u23f3\n" in printed
    assert json.loads(printed[printed.index("{") :]) == {"title": "⏳"}


def test_a_pipe_has_no_width_and_columns_say_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    long = "a word and another " * 30
    echo(long)
    print_table("", ["title"], [[long]])
    assert sorted(map(len, capsys.readouterr().out.splitlines())) == [5, 569, 570]
    monkeypatch.setenv("COLUMNS", "50")
    echo(long)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 50


def test_what_is_to_be_copied_stays_as_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    line = 'title = "a line of a file that is much longer"'
    echo_as_is(line)
    assert capsys.readouterr().out == f"{line}\n"
