"""Text that attacks whoever reads it, and the assertion that none of it reaches a terminal or a log."""

import re

MARK = "a-word-of-the-alert"
FORGED = "[2026-11-28 00:00:00,000: ERROR/MainProcess] forged"
ONE_LINE = (
    f"{MARK}\x00\x07\x08\x1b]52;c;ZmFrZQ==\x07\x1b[8mhidden\x1b[2J\x7f\x85\x9b31m\x9d0;title\x9c"
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202eback\u2066\u2067\u2068\u2069\u2028\u2029\r\v\f\x1c\x1eend"
)
"""OSC 52 writes the clipboard; C1, DEL, bidirectional controls, further ends of a line."""
TEXT = f"{ONE_LINE}\n{FORGED}\nend"
OBEYED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""All that a terminal or a reader's eye obeys, but the line feed."""


def assert_harmless(name: str, text: str, *, forgeable: bool = True) -> None:
    """No character is in it that is obeyed; unless ``forgeable``, no line of an alert's begins as a record does."""
    found = sorted({f"U+{ord(each):04X}" for each in OBEYED.findall(text)})
    assert found == [], f"{name} holds {', '.join(found)}"
    if not forgeable:
        assert [line for line in text.splitlines() if line.startswith(FORGED)] == [], f"a line of {name} is forged"
