"""docs/cli.md lists every command, in their order and with the words of --help."""

import re
from pathlib import Path

from notifier.cli import COMMANDS

PAGE = Path(__file__).parents[3] / "docs" / "cli.md"


def test_the_page_lists_every_command() -> None:
    rows = re.findall(r"^\| `notifier (\w+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows == list(COMMANDS.items())
