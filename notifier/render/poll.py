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
    question, texts = _texts(poll)
    if not question or not texts:
        return None
    return {
        "question": {"text": cut(question, POLL_QUESTION_CHARACTERS_MAX)},
        "answers": [
            {"poll_media": {"text": cut(text, POLL_ANSWER_CHARACTERS_MAX)} | emoji(picture)}
            for text, picture in texts[:POLL_ANSWERS_MAX]
        ],
        "duration": max(1, min(poll.hours, POLL_HOURS_MAX)),
        "allow_multiselect": poll.multiple,
    }


def poll_fits(poll: Poll) -> bool:
    """Whether Discord takes all of it."""
    question, texts = _texts(poll)
    fits = len(question) <= POLL_QUESTION_CHARACTERS_MAX and 0 < len(texts) <= POLL_ANSWERS_MAX and bool(question)
    return fits and all(len(text) <= POLL_ANSWER_CHARACTERS_MAX for text, _ in texts)


def poll_text(poll: Poll) -> str:
    """What it asks, as text."""
    question, texts = _texts(poll)
    return "\n".join(filter(None, [question, *(f"- {text}" for text, _ in texts)]))


def _texts(poll: Poll) -> tuple[str, list[tuple[str, str | None]]]:
    answers = [(each.text.strip(), each.emoji) for each in poll.answers]
    return poll.question.strip(), [(text, picture) for text, picture in answers if text]
