"""A command that is run for somebody else ends as it would alone; the end of its output is kept as plain text."""

import signal
import sys
from typing import Any
from unittest.mock import MagicMock, call

import pytest

from notifier.cli import child
from notifier.cli.child import OUTPUT_BYTES, Ended, run_child
from tests.servers import until


@pytest.mark.parametrize(
    ("script", "code", "output"),
    [
        ("exit 0", 0, ""),
        ("echo one; exit 7", 7, "one"),
        (r"printf '\033[31mred\033[0m \033]0;title\007\033[2J\007text\r\n'", 0, "red text"),
        (r"printf '10 %%\r50 %%\r100 %%\n'", 0, "100 %"),
        (r"printf '\377\n'", 0, "\ufffd"),
    ],
)
def test_the_exit_code_and_the_output(script: str, code: int, output: str, capfdbinary: object) -> None:
    ended = run_child(["sh", "-c", script])
    assert (ended.exit_code, ended.output) == (code, output)


@pytest.mark.slow
def test_of_a_long_output_all_goes_on_and_the_end_is_kept(capfd: pytest.CaptureFixture[str]) -> None:
    size = 3 * OUTPUT_BYTES
    ended = run_child([sys.executable, "-c", f"print('x' * {size} + 'end')"])
    assert len(ended.output) < OUTPUT_BYTES
    assert ended.output.endswith("xend")


def test_a_command_that_leaves_another_running_with_its_output_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    tails: list[Any] = []
    read_to_the_end: list[Any] = []
    read, await_end = child._Tail.read, child._await_end

    def noted(tail: Any, *given: Any) -> None:
        tails.append(tail)
        read(tail, *given)
        read_to_the_end.append(tail)

    def until_it_is_read(*given: Any) -> Any:
        code = await_end(*given)
        until(lambda: tails and tails[0].text, "its output", poll_seconds=0.01)
        return code

    monkeypatch.setattr(child._Tail, "read", noted)
    monkeypatch.setattr(child, "_await_end", until_it_is_read)
    monkeypatch.setattr(child, "DRAIN_SECONDS", 0.05)
    assert run_child(["sh", "-c", "sleep 10 & echo begun"]) == Ended(0, "It ended with exit code 0.", "begun")
    assert read_to_the_end == [], "what it left running still holds its output"


@pytest.mark.parametrize("in_terminal", [True, False])
@pytest.mark.parametrize("name", ["SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1"])
def test_what_a_terminal_sends_to_both_is_not_passed_on(
    in_terminal: bool, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    process, number = MagicMock(), getattr(signal, name)
    monkeypatch.setattr(child, "_is_of_terminal", lambda: in_terminal)
    child._pass(process, number)
    passed = not in_terminal or name in ("SIGTERM", "SIGUSR1")
    assert process.send_signal.call_args_list == ([call(number)] if passed else [])
