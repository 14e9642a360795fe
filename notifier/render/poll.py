"""A poll (Discord docs, poll.mdx)."""

from typing import Any

from notifier.message_parts import Poll
from notifier.render.cut import cut, trimmed
from notifier.render.emoji import emoji
from notifier.render.limits import (
    POLL_ANSWER_CHARACTERS_MAX,
    POLL_ANSWERS_MAX,
    POLL_HOURS_MAX,
    POLL_QUESTION_CHARACTERS_MAX,
)


def poll_of(poll: Poll) -> dict[str, Any]:
    """As a request asks for it, within Discord's limits."""
    answers = [
        {"text": cut(trimmed(each.text), POLL_ANSWER_CHARACTERS_MAX)}
        | ({"emoji": emoji(each.emoji)} if each.emoji else {})
        for each in poll.answers[:POLL_ANSWERS_MAX]
    ]
    return {
        "question": {"text": cut(trimmed(poll.question), POLL_QUESTION_CHARACTERS_MAX)},
        "answers": [{"poll_media": each} for each in answers],
        "duration": max(1, min(poll.hours, POLL_HOURS_MAX)),
        "allow_multiselect": poll.multiple,
    }
