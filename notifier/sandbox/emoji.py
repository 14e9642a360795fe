"""The emoji of a button or of a poll's answer: one of Unicode's, or a server's own by its id."""

import re
from typing import Any

from notifier.sandbox.form import Form

NAME = 32  # code points (Discord's OpenAPI, specs/openapi.json)
NO_EMOJI = re.compile(r"[\w\s!-/:-@\[-`{-~]*", re.ASCII)
"""Letters and punctuation of ASCII; digits, ``#`` and ``*`` begin keycap emoji, which end otherwise."""


def read_emoji(form: Form, key: str) -> dict[str, Any] | None:
    """An emoji; errors go to the form."""
    emoji = form.child(key)
    if emoji is None:
        return None
    emoji_id, name = emoji.snowflake("id"), emoji.text("name", NAME)
    nothing = name == "" or emoji.values.get("name") is None
    if emoji.values.get("id") is None and (nothing or (name and NO_EMOJI.fullmatch(name))):
        # also where there is no name at all (bwmarrin/discordgo#1479)
        emoji.wrong("name", "BUTTON_COMPONENT_INVALID_EMOJI", "Invalid emoji")
    shown: dict[str, Any] = {"id": emoji_id, "name": name}
    return {**shown, "animated": True} if emoji.flag("animated") else shown
