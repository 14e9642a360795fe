"""Tables and paragraphs laid out for a terminal of some width: words are kept whole, ids and addresses always."""

import re
from collections.abc import Iterable, Iterator, Sequence

from wcwidth import wcswidth

GAP = "  "
WORD_COLUMNS_MAX = 22
"""Ours: a longer word may be broken in a table, unless it is an id or an address."""
SHORT_ID = 8
"""Ours: characters of a UUID that are shown where it does not fit, unless two would look alike."""
LABEL_SHARE = 3
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ADDRESS = re.compile(r"[a-z]+://\S+")

Row = Sequence[str]


class Whole(str):
    """A cell that is never broken: an id, a point in time."""

    __slots__ = ()


def width_of(text: str) -> int:
    """Columns that a text takes."""
    found = wcswidth(text)
    return len(text) if found < 0 else found


def table(columns: Row, rows: Sequence[Row], width: int | None) -> Iterator[str]:
    """The lines of a table that fit ``width`` columns; None: one line for each row, however long.

    What does not fit is wrapped between words; before that UUIDs become short and empty columns are left out. If there
    is no room for the longest words, each row becomes lines of its own: a label and its value.
    """
    if width is None:
        yield from _lines([columns, *rows], _natural([columns, *rows]))
        return
    for each in (rows, shortened(rows)):
        lines = [columns, *each]
        if _sum(_natural(lines)) <= width:
            yield from _lines(lines, _natural(lines))
            return
    filled = [number for number, cells in enumerate(zip(*rows, strict=True)) if any(cells)]
    lines = [[row[number] for number in filled] for row in [columns, *shortened(rows)]]
    least = [max(map(_least, column)) for column in zip(*lines, strict=True)]
    if _sum(least) <= width:
        yield from _lines(lines, _shared(_natural(lines), least, width))
    else:
        yield from _stacked(columns, rows, width)


def shortened(rows: Sequence[Row]) -> list[list[str]]:
    """The same rows, each whole UUID by its first characters: as many as tell those of its column apart."""
    columns: list[list[str]] = []
    for column in zip(*rows, strict=True):
        ids = {cell for cell in column if isinstance(cell, Whole) and _UUID.fullmatch(cell)}
        long = next((size for size in range(SHORT_ID, 36) if len({each[:size] for each in ids}) == len(ids)), 36)
        columns.append([Whole(cell[:long]) if cell in ids else cell for cell in column])
    return [list(row) for row in zip(*columns, strict=True)]


def wrapped(text: str, width: int) -> list[str]:
    """A line as lines of at most so many columns. Only an address or an id is longer; a long word is broken."""
    if isinstance(text, Whole):
        return [text]
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        if line and width_of(line) + 1 + width_of(word) <= width:
            line += f" {word}"
            continue
        if line:
            lines.append(line)
        *broken, line = _pieces(word, width)
        lines += broken
    return [*lines, line]


def paragraphs(text: str, width: int, hanging: int = 0) -> str:
    """A text with its lines wrapped: what goes on is indented like its line, and by ``hanging`` columns more."""
    return "\n".join(each for line in text.split("\n") for each in _paragraph(line, width, hanging))


def _paragraph(line: str, width: int, hanging: int) -> Iterator[str]:
    if width_of(line) <= width:
        yield line
        return
    hanging += len(line) - len(line.lstrip(" "))
    for number, each in enumerate(wrapped(line[hanging:], width - hanging)):
        yield (" " * hanging if number else line[:hanging]) + each


def _pieces(word: str, width: int) -> list[str]:
    if width_of(word) <= width or _ADDRESS.search(word) or _UUID.search(word):
        return [word]
    pieces, piece = [], ""
    for character in word:
        if piece and width_of(piece + character) > width:
            pieces.append(piece)
            piece = ""
        piece += character
    return [*pieces, piece]


def _least(cell: str) -> int:
    if isinstance(cell, Whole):
        return width_of(cell)
    return max(
        width_of(word) if _ADDRESS.search(word) or _UUID.search(word) else min(width_of(word), WORD_COLUMNS_MAX)
        for word in cell.split(" ")
    )


def _natural(lines: Sequence[Row]) -> list[int]:
    return [max(map(width_of, column)) for column in zip(*lines, strict=True)]


def _sum(widths: Iterable[int]) -> int:
    found = list(widths)
    return sum(found) + len(GAP) * (len(found) - 1)


def _shared(natural: Sequence[int], least: Sequence[int], width: int) -> list[int]:
    """The widths of the columns: each has what it needs, those that need little more get it first."""
    widths, room = list(least), width - _sum(least)
    order = sorted(range(len(widths)), key=lambda number: natural[number] - least[number])
    for done, number in enumerate(order):
        more = min(natural[number] - least[number], room // (len(order) - done))
        widths[number] += more
        room -= more
    return widths


def _lines(rows: Sequence[Row], widths: Sequence[int]) -> Iterator[str]:
    for row in rows:
        cells = [wrapped(cell, size) for cell, size in zip(row, widths, strict=True)]
        for number in range(max(map(len, cells))):
            shown = (cell[number] if number < len(cell) else "" for cell in cells)
            filled = (text + " " * (size - width_of(text)) for text, size in zip(shown, widths, strict=True))
            yield GAP.join(filled).rstrip()


def _stacked(columns: Row, rows: Sequence[Row], width: int) -> Iterator[str]:
    label = min(max(map(width_of, columns)), width // LABEL_SHARE)
    for number, row in enumerate(rows):
        if number:
            yield ""
        filled = [(name, cell) for name, cell in zip(columns, row, strict=True) if cell]
        yield from (line for pair in filled for line in _lines([pair], [label, width - label - len(GAP)]))
