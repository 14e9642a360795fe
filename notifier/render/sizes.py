"""How much of each of Discord's limits a payload takes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from notifier.render import limits
from notifier.render.batch import Payload
from notifier.render.embeds import characters


@dataclass(frozen=True, slots=True)
class Size:
    """One part of a payload by Discord's name, its size, and the largest that Discord takes.

    Characters are Unicode code points after trimming, as Discord counts them (discord-api-docs #1315).
    """

    part: str
    size: int
    limit: int
    unit: Literal["characters", "bytes", ""] = "characters"


def sizes(payload: Payload) -> list[Size]:
    """Of all parts that are there; the sums are of the whole message."""
    return [each for each in _of_message(payload) if each.size]


def _of_message(payload: Payload) -> Iterator[Size]:
    body = payload.body
    yield Size("content", len(body.get("content", "")), limits.CONTENT_CHARACTERS_MAX)
    yield Size("username", len(body.get("username", "")), limits.USERNAME_CHARACTERS_MAX)
    yield Size("thread_name", len(body.get("thread_name", "")), limits.THREAD_NAME_CHARACTERS_MAX)
    yield Size("applied_tags", len(body.get("applied_tags", ())), limits.TAGS_MAX, "")
    for number, embed in enumerate(body["embeds"]):
        yield from _of_embed(f"embeds.{number}", embed)
    yield Size("embeds", sum(map(characters, body["embeds"])), limits.EMBEDS_TOTAL_CHARACTERS_MAX)
    buttons = sum(len(row["components"]) for row in body.get("components", ()))
    yield Size("components", buttons, limits.BUTTONS_PER_ROW * limits.ROWS_MAX, "")
    for row, buttons_of_row in enumerate(body.get("components", ())):
        for number, button in enumerate(buttons_of_row["components"]):
            place = f"components.{row}.{number}"
            yield Size(f"{place}.label", len(button.get("label", "")), limits.BUTTON_LABEL_CHARACTERS_MAX)
            yield Size(f"{place}.url", len(button["url"]), limits.BUTTON_URL_CHARACTERS_MAX)
    if poll := body.get("poll"):
        yield from _of_poll(poll)
    yield Size("files", len(payload.files), limits.FILES_MAX, "")
    for number, file in enumerate(payload.files):
        yield Size(f"files.{number}", len(file.content), limits.FILE_BYTES_MAX, "bytes")


def _of_poll(poll: dict[str, Any]) -> Iterator[Size]:
    yield Size("poll.question", len(poll["question"]["text"]), limits.POLL_QUESTION_CHARACTERS_MAX)
    yield Size("poll.answers", len(poll["answers"]), limits.POLL_ANSWERS_MAX, "")
    for number, answer in enumerate(poll["answers"]):
        text = answer["poll_media"]["text"]
        yield Size(f"poll.answers.{number}", len(text), limits.POLL_ANSWER_CHARACTERS_MAX)


def _of_embed(place: str, embed: dict[str, Any]) -> Iterator[Size]:
    yield Size(f"{place}.author", len(embed.get("author", {}).get("name", "")), limits.AUTHOR_CHARACTERS_MAX)
    yield Size(f"{place}.title", len(embed.get("title", "")), limits.TITLE_CHARACTERS_MAX)
    yield Size(f"{place}.description", len(embed.get("description", "")), limits.DESCRIPTION_CHARACTERS_MAX)
    fields = embed.get("fields", ())
    yield Size(f"{place}.fields", len(fields), limits.FIELDS_MAX, "")
    for number, field in enumerate(fields):
        yield Size(f"{place}.fields.{number}.name", len(field["name"]), limits.FIELD_NAME_CHARACTERS_MAX)
        yield Size(f"{place}.fields.{number}.value", len(field["value"]), limits.FIELD_VALUE_CHARACTERS_MAX)
    yield Size(f"{place}.footer", len(embed.get("footer", {}).get("text", "")), limits.FOOTER_CHARACTERS_MAX)
