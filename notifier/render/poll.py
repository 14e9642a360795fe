"""A poll (Discord docs, poll.mdx)."""

from typing import Any

from notifier.message_parts import Poll
from notifier.render.cut import cut
from notifier.render.emoji import emoji
from notifier.render.limits import (
    POLL_ANSWER_CHARACTERS_MAX,
    POLL_ANSWERS_MAX,
    POLL_HOURS_MAX,
    POLL_QUESTION_CHARACTERS_MAX,
)


def poll_of(poll: Poll) -> dict[str, Any] | None:
    """As a request asks for it, within Discord's limits; None if it asks nothing, or has no answer."""
    taken = cut_to_fit(poll)
    if taken is None:
        return None
    return {
        "question": {"text": taken.question},
        "answers": [{"poll_media": {"text": each.text} | emoji(each.emoji)} for each in taken.answers],
        "duration": max(1, min(poll.hours, POLL_HOURS_MAX)),
        "allow_multiselect": poll.multiple,
    }


def cut_to_fit(poll: Poll) -> Poll | None:
    """What Discord takes of it; None if it asks nothing, or has no answer."""
    question = cut(poll.question.strip(), POLL_QUESTION_CHARACTERS_MAX)
    answers = [
        each.model_copy(update={"text": cut(each.text.strip(), POLL_ANSWER_CHARACTERS_MAX)})
        for each in poll.answers
        if each.text.strip()
    ]
    if not question or not answers:
        return None
    return poll.model_copy(update={"question": question, "answers": tuple(answers[:POLL_ANSWERS_MAX])})


def text_of_cut(poll: Poll | None) -> str:
    """What it asks, as text, if Discord does not take all of it."""
    if poll is None or ((taken := cut_to_fit(poll)) and poll_text(taken) == poll_text(poll)):
        return ""
    return poll_text(poll)


def poll_text(poll: Poll) -> str:
    """What it asks, as text."""
    answers = [f"- {text}" for each in poll.answers if (text := each.text.strip())]
    return "\n".join(filter(None, [poll.question.strip(), *answers]))
