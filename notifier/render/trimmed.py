"""A text as Discord counts it."""

BLANK = "\u200b"
"""Replaces a text that is empty after trimming: Discord refuses an empty name or value."""


def trimmed(text: str) -> str:
    """The text as Discord counts it, without space around it; ``BLANK`` if nothing is left."""
    # as str.strip() does (discord-api-docs #1315), which removes a few more characters than pydantic
    return text.strip() or BLANK
