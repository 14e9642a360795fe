"""Buttons below a message that open links (Discord docs, components.mdx)."""

from collections.abc import Sequence
from typing import Any

from notifier.message_parts import LinkButton
from notifier.render.cut import cut
from notifier.render.emoji import emoji
from notifier.render.limits import (
    BUTTON_LABEL_CHARACTERS_MAX,
    BUTTON_URL_CHARACTERS_MAX,
    BUTTONS_PER_ROW,
    ROWS_MAX,
)
from notifier.render.ornaments import is_well_formed

ACTION_ROW, BUTTON, LINK = 1, 2, 5
"""Types of components, and the style of a button that opens a link."""


def rows(buttons: Sequence[LinkButton]) -> list[dict[str, Any]]:
    """The buttons in rows, but for those that Discord does not take."""
    drawn = [_button(each) for each in _taken(buttons)]
    starts = range(0, len(drawn), BUTTONS_PER_ROW)
    return [{"type": ACTION_ROW, "components": drawn[start : start + BUTTONS_PER_ROW]} for start in starts]


def not_taken(buttons: Sequence[LinkButton]) -> list[LinkButton]:
    """Those that Discord does not take whole: too many, with a label that is too long, or an address that is wrong."""
    taken = [each for each in _taken(buttons) if len(_label(each)) <= BUTTON_LABEL_CHARACTERS_MAX]
    return [each for each in buttons if each not in taken]


def _taken(buttons: Sequence[LinkButton]) -> list[LinkButton]:
    fine = [each for each in buttons if len(each.url) <= BUTTON_URL_CHARACTERS_MAX and is_well_formed(each.url)]
    return fine[: BUTTONS_PER_ROW * ROWS_MAX]


def _button(button: LinkButton) -> dict[str, Any]:
    label = cut(_label(button), BUTTON_LABEL_CHARACTERS_MAX)
    return {"type": BUTTON, "style": LINK, "label": label, "url": button.url} | emoji(button.emoji)


def _label(button: LinkButton) -> str:
    return button.label.strip() or button.url
