"""Components and polls: which of them a webhook without an application may send."""

from collections.abc import Iterator
from typing import Any

from notifier.sandbox.form import Form, as_int

COMPONENTS = 40  # in all, nested ones included (Discord docs, components/reference.mdx)
QUESTION = 300  # code points (Discord docs, poll.mdx)
ANSWERS = 10  # per poll (Discord docs, poll.mdx)
ANSWER = 55  # code points (Discord docs, poll.mdx)
DURATION_HOURS = 768  # 32 days (Discord docs, poll.mdx)
DEFAULT_DURATION_HOURS = 24  # Discord docs, poll.mdx

TEXT_DISPLAY = 10
BUTTON = 2
LINK_STYLE = 5
NOT_INTERACTIVE = frozenset({1, BUTTON, 9, TEXT_DISPLAY, 11, 12, 13, 14, 17})
"""Types without interaction, or that hold others (Discord docs, components/reference.mdx)."""

V2_TEXT_BYTES = 10_170
"""UTF-8 bytes of all text displays, plus 12 each, above which Discord answers 500 (discord-api-docs #8554)."""
V2_TEXT_OVERHEAD_BYTES = 12


def read_components(form: Form) -> list[dict[str, Any]]:
    """The components of a message; errors go to the form."""
    top = [(one.path, one.values) for one in form.objects("components", COMPONENTS)]
    everything = [each for _, component in top for each in walk(component)]
    if len(everything) > COMPONENTS >= len(top):
        form.wrong("components", "BASE_TYPE_MAX_LENGTH", f"Must be {COMPONENTS} or fewer in length.")
    for path, component in top:
        for each in walk(component):
            if as_int(each.get("type")) not in NOT_INTERACTIVE or _interactive_button(each):
                message = f"Value must be one of {tuple(sorted(NOT_INTERACTIVE))}."
                form.errors.add((*path, "type"), "UNION_TYPE_CHOICES", message)
    return [dict(component) for _, component in top]


def walk(component: Any) -> Iterator[dict[str, Any]]:
    """A component and all inside it, however deep."""
    waiting = [component]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            inner = each.get("components")
            waiting += [*(inner if isinstance(inner, list) else []), each.get("accessory")]


def breaks_discord(components: list[dict[str, Any]]) -> bool:
    """Whether Discord answers 500 to these, within all documented limits (discord-api-docs #8554)."""
    texts = [
        str(each.get("content", ""))
        for component in components
        for each in walk(component)
        if each.get("type") == TEXT_DISPLAY
    ]
    return sum(len(text.encode("utf-8", "replace")) + V2_TEXT_OVERHEAD_BYTES for text in texts) > V2_TEXT_BYTES


def read_poll(form: Form) -> dict[str, Any] | None:
    """The poll of a message; errors go to the form."""
    poll = form.child("poll")
    if poll is None:
        return None
    question = poll.child("question")
    if question is None:
        poll.wrong("question", "BASE_TYPE_REQUIRED", "This field is required")
    if poll.values.get("answers") is None:
        poll.wrong("answers", "BASE_TYPE_REQUIRED", "This field is required")
    answers = []
    for number, one in enumerate(poll.objects("answers", ANSWERS, least=1), start=1):
        media = one.child("poll_media")
        text = media.text("text", ANSWER, required=True) if media else None
        answers.append({"answer_id": number, "poll_media": {"text": text}})
    return {
        "question": {"text": question.text("text", QUESTION, required=True) if question else None},
        "answers": answers,
        "duration": poll.whole("duration", 1, DURATION_HOURS) or DEFAULT_DURATION_HOURS,
        "allow_multiselect": poll.flag("allow_multiselect") or False,
        "layout_type": 1,
    }


def _interactive_button(component: dict[str, Any]) -> bool:
    return component.get("type") == BUTTON and component.get("style") != LINK_STYLE
