"""An emoji as Discord's requests name it."""

import re


def emoji(text: str) -> dict[str, str | None]:
    """A character, or a server's own by its id or as ``<:name:id>`` (Discord docs, emoji.mdx)."""
    own = re.fullmatch(r"(?:<a?:(\w+):)?(\d{1,19})>?", text)
    return {"id": own[2], "name": own[1]} if own else {"id": None, "name": text}
