"""What a template's own text and the values in it become together.

The template's text is Markdown, the values are plain text: data from elsewhere.
"""

import re
from bisect import bisect
from collections.abc import Iterator
from urllib.parse import quote

from notifier.plain_text import in_code, plain


class Value(str):
    """A value as it stands in a text, where ``str()`` leaves it one."""

    __slots__ = ()

    def __str__(self) -> str:
        return self


class Markdown(Value):
    """A value that is drawn as Discord's Markdown."""

    __slots__ = ()


LINK_CHARACTERS_MAX = 2_048
"""Ours: how far back the beginning of a link is looked for."""
STAND_IN = "x"
"""For a value, where only the template's own text counts."""
_CODE = re.compile(r"(?<!`)(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_OPEN_LINK = re.compile(r"https?://[^\s<>\"`|\\^]*\Z")
_TARGET = re.compile(r"\]\(<?\Z")
"""Of a masked link: its link comes next."""
_NOT_IN_LINK = re.compile(r"%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9_.~!$&'+,;=:@/?#%-]+")
_NO_MARK = re.compile(
    r"(?<!\|)\|(?!\|)|(?<!~)~(?!~)|<(?![@#:/\w])|(?<=[^\W_])_(?=[^\W_])|(?<=\S[ ])\*(?=[ ])|\[(?![^\]]*\]\()|\](?!\()"
)
"""What is escaped in plain text, and no Markdown where it stands alone."""


def is_markdown(pieces: list[str]) -> bool:
    """Whether any of the template's own text, or a value by its filter, is Markdown."""
    if any(isinstance(piece, Markdown) and piece for piece in pieces):
        return True
    own = _NO_MARK.sub("", _own_text(pieces))
    return plain(own) != own


def has_values(pieces: list[str]) -> bool:
    """Whether any of it is not the template's own."""
    return any(isinstance(piece, Value) and piece for piece in pieces)


def as_text(pieces: list[str]) -> str:
    """The text with the values as they are, but for those within a link: there they keep it one."""
    return "".join(shown for shown, _ in _linked(pieces))


def as_markdown(pieces: list[str]) -> str:
    """The text as Markdown that draws the values as they are."""
    return "".join(_escaped(pieces))


def _escaped(pieces: list[str]) -> Iterator[str]:
    blocks = [(found.start(), found.end(), len(found[1])) for found in _CODE.finditer(_own_text(pieces))]
    place = 0
    for piece, (shown, is_done) in zip(pieces, _linked(pieces), strict=True):
        if is_done:
            yield shown
        else:
            _, end, ticks = blocks[max(bisect(blocks, (place,)) - 1, 0)] if blocks else (0, 0, 0)
            yield in_code(shown, ticks) if place < end else plain(shown)
        place += len(STAND_IN if isinstance(piece, Value) else piece)


def _linked(pieces: list[str]) -> Iterator[tuple[str, bool]]:
    """Each piece, and whether it is drawn as it is meant to be."""
    before = ""
    for piece in pieces:
        if isinstance(piece, Markdown) or not isinstance(piece, Value):
            shown, is_done = str(piece), True
        else:
            is_link = piece.startswith(("http://", "https://"))
            is_done = bool(_OPEN_LINK.search(before) or (is_link and _TARGET.search(before)))
            shown = _NOT_IN_LINK.sub(lambda found: quote(found[0], safe=""), piece) if is_done else piece
        yield shown, is_done
        # a link that begins within another value is none that the template makes
        before = (before + shown)[-LINK_CHARACTERS_MAX:] if is_done or _OPEN_LINK.match(shown) else ""


def _own_text(pieces: list[str]) -> str:
    return "".join(STAND_IN if isinstance(piece, Value) else piece for piece in pieces)
