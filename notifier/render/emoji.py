"""An emoji as Discord's requests name it."""

import re
from typing import Any

from notifier.message_parts import is_snowflake

ONE = r"(?=.*[\p{Extended_Pictographic}\p{Regional_Indicator}])\X|[0-9#*]\ufe0f?\u20e3"
"""One symbol that is a picture, a flag or a keycap."""
CHARACTERS_MAX = 32
"""Of an emoji's name (Discord's OpenAPI description)."""


def emoji(text: str | None) -> dict[str, Any]:
    """The ``emoji`` of a button or an answer, by that name; nothing if it is none: Discord would refuse all of it.

    It is a character, or a server's own by its id or as ``<:name:id>`` (Discord docs, emoji.mdx).
    """
    import regex  # few messages have one

    text = (text or "").strip()
    own = re.fullmatch(r"(?:<a?:(\w{1,32}):([0-9]+)>)|([0-9]{2,})", text)
    if own:
        number = own[2] or own[3]
        return {"emoji": {"id": number, "name": own[1]}} if is_snowflake(number) else {}
    is_one = len(text) <= CHARACTERS_MAX and regex.fullmatch(ONE, text, regex.DOTALL)
    return {"emoji": {"id": None, "name": text}} if is_one else {}
