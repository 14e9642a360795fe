"""Cuts a text to a number of characters: nothing that is drawn as one thing is split, and no code block stays open."""

from collections.abc import Sequence
from dataclasses import dataclass

from notifier.render.constructs import CLOSING, CodeBlock, Span, code_blocks, constructs, symbols

MARK = "…"
BREAKS = ("\r\n", "\n", " ")
"""Where a text is cut if one of them is near: at a line, or a word."""
PARAGRAPHS = ("\r\n\r\n", "\n\n", *BREAKS)
SYMBOL_CHARACTERS_MAX = 32
"""Ours: a symbol that is longer is cut within, if not even it alone fits."""
NEAR = 0.75
"""Ours: this part of what fits is shown at least, if the cut goes back to a line or a word."""
HALF = 0.5
"""Ours: the same for a text that goes on in another message."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a text is cut. ``block``: the code block that is open there."""

    at: int
    block: CodeBlock | None


def cut(text: str, maximum: int) -> str:
    """Return at most ``maximum`` characters of the beginning; '' if there is no room for any text and the mark."""
    if len(text) <= maximum:
        return text
    return _beginning(text, _place(text, maximum - len(MARK), BREAKS, NEAR), MARK)


def take(text: str, maximum: int) -> tuple[str, str]:
    """Return at most ``maximum`` characters of the beginning, and what is left of the text.

    The cut is at a paragraph, a line, a word, or a symbol. An open code block is closed in the one and opened again in
    the other, with its language. Only what is longer than ``maximum`` by itself is cut within.
    """
    if len(text) <= maximum:
        return text, ""
    place = _place(text, maximum, PARAGRAPHS, HALF)
    at, block = place.at or maximum, place.block
    taken = _beginning(text, _Place(at, block), "")
    if block and text[at : block.code_end].strip():
        return taken, block.opening + text[at:].removeprefix("\n")
    return taken, text[block.end if block else at :].strip()


def cut_front(text: str, maximum: int) -> str:
    """Return at most ``maximum`` characters of the end; '' if there is no room for any text and the mark."""
    text = text if len(text) <= maximum else text.strip()
    if len(text) <= maximum:
        return text
    earliest = len(text) - maximum + len(MARK)
    # what is far before the cut matters only if it is a code block that is open there
    near = max(earliest - maximum, 0)
    near = text.rfind("\n", max(near - maximum, 0), near) + 1 or near
    block = next((block for block in code_blocks(text) if block.start < earliest < block.end), None)
    if block:
        near = max(near, min(block.end, earliest))
        earliest += len(block.opening) + len(MARK)
    if maximum <= len(MARK) or earliest >= len(text):
        return ""
    at = _start(text, earliest, near, block)
    if block and at < block.code_end:
        return f"{block.opening}{MARK}\n{text[at:]}"
    return f"{MARK}{kept}" if (kept := text[max(at, block.end) if block else at :].strip()) else ""


def _start(text: str, earliest: int, near: int, block: CodeBlock | None) -> int:
    """Where what is shown of the end begins: at a line if one is near."""
    marks = constructs(text, len(text), block.end if block else near)
    graphemes = list(symbols(text, len(text), near))
    spans = [*marks, *graphemes, *filter(None, [block])]
    inside = _inside(spans, earliest, len(text), len(text) - earliest)
    line = text.find("\n", earliest - 1) + 1
    if 0 < line <= earliest + (len(text) - earliest) * (1 - NEAR) and line not in inside:
        return line
    fits_elsewhere = any(each.start < earliest < each.end <= each.start + SYMBOL_CHARACTERS_MAX for each in graphemes)
    last = len(text) if fits_elsewhere else earliest
    return next((at for at in range(earliest, len(text)) if at not in inside), last)


def _place(text: str, maximum: int, breaks: Sequence[str], least: float) -> _Place:
    """The best place to cut a text that is longer than ``maximum``."""
    maximum = max(maximum, 0)
    marks, graphemes = list(constructs(text, maximum)), list(symbols(text, maximum))
    blocks = [span for span in marks if isinstance(span, CodeBlock)]
    for spans, known in (([*marks, *graphemes], blocks), (graphemes, [])):
        inside = _inside(spans, 0, maximum, maximum)
        for separator in breaks:
            at = text.rfind(separator, 0, maximum + 1)
            while at > maximum * least:
                if at not in inside and not text[:at].isspace():
                    return _Place(at, _open_at(known, at))
                at = text.rfind(separator, 0, at)
        if at := next((at for at in range(maximum, 0, -1) if at not in inside), 0):
            return _Place(at, _open_at(known, at))
    fits_elsewhere = graphemes and graphemes[0].end <= SYMBOL_CHARACTERS_MAX
    return _Place(0 if fits_elsewhere else maximum, None)


def _inside(spans: Sequence[Span], first: int, last: int, maximum: int) -> set[int]:
    """The places between ``first`` and ``last`` that would cut something that could be whole elsewhere."""
    found: set[int] = set()
    for span in spans:
        if isinstance(span, CodeBlock):
            found.update(range(max(span.start + 1, first), min(span.code_start, last) + 1))
            # what is cut there has to be closed
            closable = min(span.code_end, last - len(CLOSING))
            found.update(range(max(closable + 1, span.start + 1, first), min(span.end - 1, last) + 1))
        elif span.end - span.start <= max(maximum, SYMBOL_CHARACTERS_MAX):
            found.update(range(max(span.start + 1, first), min(span.end - 1, last) + 1))
    return found


def _open_at(blocks: Sequence[CodeBlock], at: int) -> CodeBlock | None:
    return next((block for block in blocks if block.start < at < block.end), None)


def _beginning(text: str, place: _Place, mark: str) -> str:
    kept = text[: place.at].rstrip()
    if not kept:
        return ""
    return f"{kept}{mark}{CLOSING if place.block else ''}"
