"""Help texts that fit the terminal: an example that is too long goes on in the next line, as a shell reads it."""

import re
import sys
from collections.abc import Iterator

import click

_WORD = r"""(?:"[^"]*"|'[^']*'|\S)+"""
_WORDS = re.compile(rf"-[-\w]+ (?![-<|]){_WORD}|{_WORD}")
_COMMENT = re.compile(r" {2,}# (?=\S)")
GO_ON = " \\"


class _Page(click.HelpFormatter):
    def getvalue(self) -> str:
        """As click's, with no line that could be shorter."""
        lines: list[str] = []
        is_example = False
        for line in super().getvalue().splitlines():
            is_example = line.strip() == "Examples:" or (is_example and bool(line))
            lines += _fitting(line, self.width) if is_example else (line,)
        return "".join(f"{line}\n" for line in lines)


class _Context(click.Context):
    formatter_class = _Page


def with_fitting_help(command: click.Command) -> click.Command:
    """The command; its help text and those of the commands below it fit the terminal."""
    command.context_class = _Context
    for each in getattr(command, "commands", {}).values():
        each.short_help = each.get_short_help_str(sys.maxsize)  # not cut
        with_fitting_help(each)
    return command


def _fitting(line: str, width: int) -> Iterator[str]:
    body = line.lstrip()
    if len(line) <= width:
        yield line
        return
    indent = " " * (len(line) - len(body))
    example, *comment = _COMMENT.split(body, maxsplit=1)
    shown = indent
    for word in _WORDS.findall(example):
        if shown.strip() and len(f"{shown}{word}{GO_ON}") > width:
            yield shown.rstrip() + GO_ON
            shown = f"{indent}  "
        shown += f"{word} "
    yield shown.rstrip()
    yield from (f"{indent}  # {each}" for each in comment)
