"""Cuts a text to a number of characters: no symbol is split, no code block stays open, and the cut is marked."""

import unicodedata

MARK = "…"
FENCE = "```"
CLOSING = f"\n{FENCE}"
SYMBOL_CHARACTERS_MAX = 32
"""Ours: how many characters a cut moves back so as not to split a symbol; a longer symbol is split."""

_JOINER = "\u200d"
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)


def cut(text: str, maximum: int) -> str:
    """Return at most ``maximum`` characters of the text; '' if there is no room for any text and the mark."""
    if len(text) <= maximum:
        return text
    kept = _beginning(text, maximum - len(MARK))
    if kept.count(FENCE) % 2 == 0:
        return f"{kept}{MARK}" if kept else ""
    kept = _beginning(text, maximum - len(MARK) - len(CLOSING))
    if kept.count(FENCE) % 2 == 0:
        return f"{kept}{MARK}" if kept else ""
    return f"{kept}{MARK}{CLOSING}"


def _beginning(text: str, end: int) -> str:
    end = max(end, 0)
    earliest = max(end - SYMBOL_CHARACTERS_MAX, 0)
    spared = next((at for at in range(end, earliest - 1, -1) if not _splits(text, at)), end)
    return text[:spared].rstrip()


def _splits(text: str, at: int) -> bool:
    """Whether a cut before the character at ``at`` would split what is drawn as one symbol."""
    if at == 0:
        return False
    before, after = text[at - 1], text[at]
    if _JOINER in (before, after) or unicodedata.category(after)[0] == "M" or ord(after) in _SKIN_TONES:
        return True
    if before == after == "`":
        return True
    if ord(before) not in _FLAG_LETTERS or ord(after) not in _FLAG_LETTERS:
        return False
    letters = 0
    while letters < at and ord(text[at - 1 - letters]) in _FLAG_LETTERS:
        letters += 1
    return letters % 2 == 1
