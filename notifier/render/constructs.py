"""What a cut leaves whole: what is drawn as one symbol, and what Discord's Markdown draws as one thing."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

FENCE = "```"
CLOSING = f"\n{FENCE}"
SPAN_CHARACTERS_MAX = 4_096
"""Ours: how far the end of one is looked for. What is longer fits into no text of Discord's."""

_LABEL = r"(?:\[[^\[\]\n]{0,256}\]|\\.|[^\[\]\\]){1,1024}+"
_TARGET = r"<?(?:\([^\s()]{0,2048}\)|\\.|[^\s()\\]){1,2048}+>?"
_TOKEN = re.compile(
    rf"""
    (?P<ticks>`{{1,64}})
    | \\[^\sA-Za-z0-9]                                            # an escape
    | !?\[{_LABEL}\]\(\s*{_TARGET}(?:\s+(?:"[^"\n]*"|'[^'\n]*'))?\s*\)  # a masked link
    | <(?:@[!&]?[0-9]{{1,20}}|\#[0-9]{{1,20}}|a?:\w{{1,64}}:[0-9]{{1,20}}|t:-?[0-9]{{1,20}}(?::[A-Za-z])?
        |/[^<>\n]{{1,128}}:[0-9]{{1,20}}|id:[\w:]{{1,40}}|[a-z]{{2,8}}:[^\s<>]{{1,2048}})>
    | (?:https?|discord|steam)://[^\s<]+
    | @everyone | @here
    | :[\w+~-]{{2,64}}:                                           # an emoji's name
    | \|\|(?:[^|]|\|(?!\|)){{1,1024}}+\|\|                        # a spoiler: half of one hides nothing
    | \*{{2,}} | _{{2,}} | ~{{2,}} | \|{{2,}}
    | \r\n
    """,
    re.VERBOSE | re.DOTALL,
)
_RUN = re.compile("`+")
_OPENING = re.compile(r"```(?:(?P<language>[A-Za-z0-9_+\-.#]+)\n)?\n*(?=[^\n])")


@dataclass(frozen=True, slots=True)
class Span:
    """What is drawn as one thing, from ``start`` to ``end`` (positions in the text)."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class CodeBlock(Span):
    """A code block, with its fences. Its code goes from ``code_start`` to ``code_end``."""

    code_start: int
    code_end: int
    opening: str
    """What opens it again: the fence and its language."""


def constructs(text: str, end: int, begin: int = 0) -> Iterator[Span]:
    """Those of Discord's Markdown that begin before ``end``, in order. Within code there are none.

    ``begin``: no code is open there.
    """
    position, no_fence_after = begin, len(text)
    while (token := _TOKEN.search(text, position, end + SPAN_CHARACTERS_MAX)) and token.start() < end:
        found: Span | None = None
        if token["ticks"]:
            if len(token["ticks"]) >= len(FENCE) and token.start() < no_fence_after:
                found = _code_block(text, token.start())
                no_fence_after = len(text) if found else token.start()
            found = found or _inline_code(text, token)
        span = found or Span(*token.span())
        yield span
        position = span.end


def code_blocks(text: str) -> Iterator[CodeBlock]:
    """All code blocks of a text, if no escape and no inline code has a fence in it."""
    position = text.find(FENCE)
    while position >= 0 and (block := _code_block(text, position)):
        yield block
        position = text.find(FENCE, block.end)


def symbols(text: str, end: int, begin: int = 0) -> Iterator[Span]:
    """Those of more than one character that begin before ``end``: extended grapheme clusters (Unicode, UAX 29)."""
    if text[begin : end + 1].isascii():
        return
    import regex

    for symbol in regex.finditer(r"\X", text, pos=begin):
        if symbol.start() >= end:
            return
        if symbol.end() - symbol.start() > 1:
            yield Span(*symbol.span())


def _code_block(text: str, start: int) -> CodeBlock | None:
    """The code block that opens here; None if nothing closes it."""
    opening = _OPENING.match(text, start)
    if opening is None:
        return None
    closing = text.find(FENCE, opening.end() + 1)
    if closing < 0:
        return None
    code_end = opening.end() + len(text[opening.end() : closing].rstrip("\n"))
    return CodeBlock(
        *(start, closing + len(FENCE), opening.end(), code_end), opening=f"{FENCE}{opening['language'] or ''}\n"
    )


def _inline_code(text: str, opening: re.Match[str]) -> Span | None:
    """The inline code that opens here: it ends at as many backticks."""
    for run in _RUN.finditer(text, opening.end(), opening.end() + SPAN_CHARACTERS_MAX):
        if run.end() - run.start() == opening.end() - opening.start():
            return Span(opening.start(), run.end())
    return None
