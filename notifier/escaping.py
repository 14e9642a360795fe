"""Text from outside, made harmless for whoever reads it on a terminal or in a log."""

import re

_CONTROL = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_INVISIBLE = "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
"""What reorders text (Unicode's bidirectional controls), breaks lines (U+2028, U+2029), or is half a character."""
_IN_LINES = re.compile(f"[{_CONTROL}{_INVISIBLE}]")
_IN_ONE_LINE = re.compile(f"[\t\n{_CONTROL}{_INVISIBLE}]")


def escaped(text: str) -> str:
    r"""The text with every such character shown, as ``\x1b``; all but tab and line feed."""
    return text if text.isprintable() else _IN_LINES.sub(_shown, text)  # as nearly always


def escaped_line(text: str) -> str:
    """The same, with tabs and line feeds shown too: it stays one line."""
    return _IN_ONE_LINE.sub(_shown, text)


def escaped_json(document: str) -> str:
    """The same of a JSON document, which stays one with the same values."""
    if document.isprintable():
        return document
    return _IN_LINES.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


_PLAIN = str.maketrans(
    {
        "…": "...",
        "×": "x",
        "·": "|",
        "→": "->",
        "≥": ">=",
        "≤": "<=",
        "–": "-",
        "—": "-",
        "−": "-",
        "“": '"',
        "”": '"',
        "‘": "'",
        "’": "'",
        "•": "*",
        "\N{NO-BREAK SPACE}": " ",
    }
)
"""What stands in ASCII for what we print ourselves, and for punctuation."""


def encodable(text: str, encoding: str | None) -> str:
    r"""The text as a character set has it (None: UTF-8); what that lacks is shown, as ``\u23f3``."""
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        encoding = encoding or "utf-8"
        return text.translate(_PLAIN).encode(encoding, "backslashreplace").decode(encoding)
    return text


def _shown(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def braceless(text: str) -> str:
    """Without the braces that stand for fields in a ``dedup_key``."""
    return text.translate(_BRACES)


_BRACES = str.maketrans("{}", "()")
