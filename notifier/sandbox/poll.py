"""Polls: what a webhook may ask, and how Discord shows it again."""

from datetime import UTC, datetime, timedelta
from typing import Any

from notifier.sandbox.emoji import read_emoji
from notifier.sandbox.form import Form

# Discord docs, poll.mdx, and its OpenAPI, specs/openapi.json.
QUESTION = 300  # code points
ANSWERS = 10  # per poll
ANSWER = 55  # code points
DURATION_HOURS = 768  # 32 days
DEFAULT_DURATION_HOURS = 24
DEFAULT_LAYOUT = 1  # the only one there is

Poll = dict[str, Any]


def read_poll(form: Form) -> Poll | None:
    """The poll of a message, its ``duration`` in hours; errors go to the form."""
    poll = form.child("poll")
    if poll is None:
        return None
    question = poll.child("question")
    for key in ("question", "answers"):
        if poll.values.get(key) is None:
            poll.wrong(key, "BASE_TYPE_REQUIRED", "This field is required")
    layout = poll.whole("layout_type", -(2**31), 2**31 - 1)
    if layout not in (None, DEFAULT_LAYOUT):
        poll.wrong("layout_type", "BASE_TYPE_CHOICES", f"Value must be one of {{{DEFAULT_LAYOUT}}}.")
    return {
        "question": {"text": question.text("text", QUESTION, required=True) if question else None},
        "answers": [_answer(one, number) for number, one in enumerate(poll.objects("answers", ANSWERS, least=1), 1)],
        "duration": poll.whole("duration", 1, DURATION_HOURS) or DEFAULT_DURATION_HOURS,
        "allow_multiselect": poll.flag("allow_multiselect") or False,
        "layout_type": DEFAULT_LAYOUT,
    }


def opened(poll: Poll, now: float) -> Poll:
    """The poll as a message shows it: when it ends, and that nobody has voted."""
    shown = {key: value for key, value in poll.items() if key != "duration"}
    # whole milliseconds, as all of Discord's times
    ends = datetime.fromtimestamp(int(now * 1000) / 1000, UTC) + timedelta(hours=poll["duration"])
    counts = [{"id": answer["answer_id"], "count": 0, "me_voted": False} for answer in poll["answers"]]
    return {**shown, "expiry": ends.isoformat(), "results": {"answer_counts": counts, "is_finalized": False}}


def _answer(form: Form, number: int) -> dict[str, Any]:
    media = form.child("poll_media")
    if form.values.get("poll_media") is None:
        form.wrong("poll_media", "BASE_TYPE_REQUIRED", "This field is required")
    shown: dict[str, Any] = {"text": media.text("text", ANSWER, required=True) if media else None}
    if media and media.values.get("emoji") is not None:
        shown["emoji"] = read_emoji(media, "emoji")
    return {"answer_id": number, "poll_media": shown}
