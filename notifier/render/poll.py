"""A poll (Discord docs, poll.mdx)."""

from typing import Any

from notifier.message_parts import Poll
from notifier.plain_text import plain
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


def poll_below(poll: Poll | None, *, left_out: bool) -> str:
    """What it asks, for the text of an alert, if Discord does not take all of it. A poll itself has no Markdown."""
    if poll is None or (not left_out and (taken := cut_to_fit(poll)) and poll_text(taken) == poll_text(poll)):
        return ""
    answers = tuple(each.model_copy(update={"text": plain(each.text.strip())}) for each in poll.answers)
    return poll_text(poll.model_copy(update={"question": plain(poll.question.strip()), "answers": answers}))


def poll_text(poll: Poll) -> str:
    """What it asks, as text."""
    answers = [f"- {text}" for each in poll.answers if (text := each.text.strip())]
    return "\n".join(filter(None, [poll.question.strip(), *answers]))
