"""The parts of a message that have parts themselves: fields, author, poll, buttons."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from notifier.message_parts import BUTTONS_MAX, is_http_url
from notifier.plain_text import plain
from notifier.texts import ITEMS_MAX, is_text, text_of

EMPTY = "–"
"""Stands for an empty name or value of a field: Discord refuses it."""
YES_AND_NO = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
POLL = ("question", "answers", "hours", "multiple")
FIELD = ("name", "value", "inline", "markdown")

SHORT_CHARACTERS = 1_000
"""Ours: a text so short is looked through at once."""

Given = dict[str, Any]
Adjust = Callable[[str], None]


def icon(value: object, adjust: Adjust, _: Given) -> str | None:
    """A link to a picture."""
    link = text_of(value).strip()
    if link and not is_http_url(link):
        adjust("left out: no http or https link")
        return None
    return link or None


def flag(value: object, adjust: Adjust, _: Given) -> bool:
    """True or false."""
    if isinstance(value, str):
        if value.strip().lower() not in YES_AND_NO and value.strip():
            adjust("neither true nor false: taken as true")
        return YES_AND_NO.get(value.strip().lower(), bool(value.strip()))
    return bool(value)


def markdown(value: object, adjust: Adjust, given: Given) -> bool | None:
    """True, false, or not given."""
    return None if value in (None, "") else flag(value, adjust, given)


def fields(value: object, adjust: Adjust, given: Given) -> tuple[Any, ...]:
    """Of a mapping of names and values, or of a list of fields in any form."""
    if isinstance(value, Mapping) and not {"name", "value"} <= value.keys():
        named = islice(value.items(), ITEMS_MAX)
        value = [{"name": name, "value": each} for name, each in named]
    return tuple(_field(number, each, adjust, given) for number, each in enumerate(items(value)))


def _field(number: int, value: object, adjust: Adjust, given: Given) -> Any:
    parts = _parts(value, ("name", "value", "inline", "markdown"))
    if unknown := parts.keys() - {"name", "value", "inline", "markdown"}:
        return {**parts, "name": text_of(parts.get("name")) or EMPTY, "value": EMPTY} | dict.fromkeys(unknown, 1)
    shown = parts.get("value")
    field: Given = {"name": text_of(parts.get("name")).strip() or EMPTY, "value": text_of(shown).strip() or EMPTY}
    field["inline"] = flag(parts.get("inline", False), adjust, given)
    is_markdown = markdown(parts.get("markdown"), adjust, given)
    if is_markdown is None and is_foreign(shown, field["value"]):
        is_markdown = False
    if is_foreign(parts.get("name"), field["name"]):
        given["plain"] = (*given.get("plain", ()), f"fields.{number}.name")
    return field | ({"markdown": is_markdown} if is_markdown is not None else {})


def is_foreign(value: object, text: str) -> bool:
    """Whether a value was no text, and its text has to be drawn as plain text, not as Markdown.

    Of most it makes no difference: those alerts can be read by workers of an earlier version too.
    """
    return (
        value is not None and not is_text(value) and (len(text) > SHORT_CHARACTERS or plain(text, links=False) != text)
    )


def into_text(given: Given, text: str) -> None:
    """Put what can stand nowhere else below the text. It is no Markdown."""
    if not (message := given.get("message", "")):
        given["message"], given["plain"] = text, (*given.get("plain", ()), "message")
        return
    is_plain = "message" in given.get("plain", ()) or given.get("markdown") in (False, "off", "false")
    given["message"] = f"{message}\n\n{text if is_plain else plain(text)}"


def author(value: object, adjust: Adjust, given: Given) -> Given | None:
    """A name, or its parts."""
    parts = {"name": value} if isinstance(value, str) else _parts(value, ("name", "url", "icon_url"))
    name = text_of(parts.get("name")).strip()
    links = {key: icon(parts.get(key), adjust, given) for key in ("url", "icon_url")}
    found = {"name": name or EMPTY, **{key: link for key, link in links.items() if link}}
    return found if name or len(found) > 1 else None


def poll(value: object, adjust: Adjust, _: Given) -> Given | None:
    """A question and its answers; without answers, the question alone, which is drawn as text."""
    parts = (
        {"question": value} if isinstance(value, str) else _parts(value, ("question", "answers", "hours", "multiple"))
    )
    listed = items(parts.get("answers"))
    answers = [{"text": each} if isinstance(each, str) else _parts(each, ("text", "emoji")) for each in listed]
    texts = [(text_of(each.get("text")).strip(), text_of(each.get("emoji")).strip()) for each in answers]
    found = [{"text": text} | ({"emoji": emoji} if emoji else {}) for text, emoji in texts if text]
    question = text_of(parts.get("question")).strip()
    if not question or not found:
        adjust("left out: no question" if not question else "no answers: it stands in the text")
    if not question:
        return None
    hours = parts.get("hours")
    is_number = isinstance(hours, int | float) and abs(hours) < 10**12
    return {
        "question": question,
        "answers": tuple(found),
        "hours": int(hours) if is_number else 24,  # type: ignore[arg-type]
        "multiple": bool(parts.get("multiple")),
    }


def buttons(value: object, adjust: Adjust, given: Given) -> tuple[Given, ...]:
    """Of a mapping of labels and links, or of a list."""
    listed: list[Any] = items(value)
    if isinstance(value, Mapping) and "url" not in value:
        listed = [{"label": label, "url": url} for label, url in islice(value.items(), BUTTONS_MAX + 1)]
    found = []
    if len(listed) > BUTTONS_MAX:
        adjust(f"only the first {BUTTONS_MAX}")
    for each in listed[:BUTTONS_MAX]:
        parts = _parts(each, ("label", "url", "emoji"))
        label, link = text_of(parts.get("label")).strip(), text_of(parts.get("url")).strip()
        if not is_http_url(link):
            adjust("one left out: no http or https link")
            into_text(given, f"{label}: {link}".strip(": "))
            continue
        emoji = text_of(parts.get("emoji")).strip()
        found.append({"label": label or link, "url": link} | ({"emoji": emoji} if emoji else {}))
    return tuple(found)


def items(value: object) -> list[Any]:
    """The items of a list of any kind; of anything else, that alone."""
    if value is None or value == "":
        return []
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        return [value]
    return list(islice(value, ITEMS_MAX))


def _parts(value: object, names: tuple[str, ...]) -> Given:
    """The parts of one thing: of a mapping, of a sequence in this order, or of an object that has them."""
    if isinstance(value, Mapping):
        return {text_of(name): each for name, each in islice(value.items(), ITEMS_MAX)}
    if isinstance(value, tuple | list):
        return dict(zip(names, value, strict=False))
    found = {name: getattr(value, name) for name in names if hasattr(value, name)}
    return found or {names[0]: EMPTY, names[1]: value}
