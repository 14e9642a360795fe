"""The parts of a message that have parts themselves: fields, author, poll, buttons."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import timedelta
from itertools import chain, islice
from typing import Any

from notifier.message_parts import BUTTONS_MAX, is_http_url, unknown_parts
from notifier.shortening import level
from notifier.texts import CHARACTERS_MAX, ITEMS_MAX, MORE, Walk, is_a, is_broken, is_text, text_of, traceback_of

EMPTY = "–"
"""Stands for an empty name or value of a field: Discord refuses it."""
YES_AND_NO = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
AUTHOR = ("name", "url", "icon_url")
POLL = ("question", "answers", "hours", "multiple")
ANSWER = ("text", "emoji")
BUTTON = ("label", "url", "emoji")
FIELD = ("name", "value", "inline", "markdown")
POLL_HOURS = 24
HOURS_MAX = 10**12
"""Ours: how long a poll is open, and a bound of what is kept; the renderer knows Discord's."""
BUTTON_CHARACTERS = 4_000
"""Ours: of its label and of its link, if that is none and stands in the text; Discord takes 80 and 512."""
CUT = f"too large or too deep: '{MORE}' stands for a part"
BROKEN = "broken characters replaced"

SHORT_CHARACTERS = 1_000
"""Ours: a text so short is looked through at once."""

PARAGRAPH = "\n\n"
LAST = r"message\.last\.([0-9]{1,4})"
"""In ``plain``: so many of the message's last paragraphs. Counted from the end: masking may change what is before."""

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
    found = [_parts(each, FIELD) for each in islice(_each(value), ITEMS_MAX + 1)]
    if not found:
        return ()
    if len(found) > ITEMS_MAX:
        adjust(f"only the first {ITEMS_MAX}")
        del found[ITEMS_MAX:]
    if _are_levelled(found):
        adjust("the longest shortened")
    # together they are bounded as one alert is; a text of an object's own is made before it can be measured
    walk = Walk(ITEMS_MAX * 10, CHARACTERS_MAX * 4)
    taken = tuple(_field(number, each, walk, adjust, given) for number, each in enumerate(found))
    if walk.is_cut:
        adjust(CUT)
    return taken


def _each(value: object) -> Iterator[Any]:
    """The fields, each in its own form."""
    if isinstance(value, Mapping) and not ("name" in value and "value" in value):
        return ({"name": name, "value": each} for name, each in value.items())
    return chain.from_iterable(
        _each(each) if isinstance(each, Mapping) and each and not any(part in each for part in FIELD) else (each,)
        for each in items(value)
    )


def _are_levelled(found: list[Given]) -> bool:
    """Whether the longest of their texts had to be cut, so that all together are no longer than one may be."""
    places = [(each, name) for each in found for name in FIELD[:2] if type(each.get(name)) is str]
    if sum(len(each[name]) for each, name in places) <= CHARACTERS_MAX:
        return False
    size = level((len(each[name]) for each, name in places), CHARACTERS_MAX)
    for each, name in places:
        if len(each[name]) > size:
            each[name] = each[name][:size] + MORE
    return True


def _field(number: int, parts: Given, walk: Walk, adjust: Adjust, given: Given) -> Any:
    if unknown := parts.keys() - set(FIELD):
        return {"name": EMPTY, "value": EMPTY} | dict.fromkeys(unknown, 1)
    shown = parts.get("value")
    field: Given = {}
    for name in FIELD[:2]:
        text = parts.get(name)
        if type(text) is not str or not text.isascii():
            text = text_of(text) if type(text) is str else walk.text(text)
            if is_broken(parts.get(name), text):
                adjust(BROKEN)
        field[name] = text.strip() or EMPTY
    if is_a(shown, BaseException) and not given.get("traceback") and (traceback := traceback_of(shown)):
        given["traceback"] = traceback
    field["inline"] = flag(parts.get("inline", False), adjust, given)
    is_markdown = markdown(parts.get("markdown"), adjust, given)
    if is_markdown is None and is_foreign(shown, field["value"]):
        is_markdown = False
    if is_foreign(parts.get("name"), field["name"]):
        given["plain"] = (*given.get("plain", ()), f"fields.{number}.name")
    return field | ({"markdown": is_markdown} if is_markdown is not None else {})


def is_foreign(value: object, text: str) -> bool:
    """Whether a value was no text, and its text has to be drawn as plain text, not as Markdown."""
    return value is not None and not is_text(value) and is_escaped(text)


def is_escaped(text: str) -> bool:
    """Whether it makes a difference that a text is plain text, not Markdown.

    Of most it makes none: those alerts can be read by workers of an earlier version too.
    """
    from notifier.plain_text import plain  # few callers give what is no text

    return len(text) > SHORT_CHARACTERS or plain(text, links=False) != text


def into_text(given: Given, text: str) -> None:
    """Put what can stand nowhere else below the text. It is no Markdown."""
    plain, message = given.get("plain", ()), given.get("message", "")
    given["message"] = f"{message}\n\n{text}" if message else text
    if not message:
        given["plain"] = tuple(dict.fromkeys((*plain, "message")))
    elif "message" not in plain and ((count := last_paragraphs(plain)) or is_escaped(text)):
        others = (each for each in plain if not re.fullmatch(LAST, each))
        given["plain"] = (*others, f"message.last.{count + text.count(PARAGRAPH) + 1}")


def last_paragraphs(plain: Iterable[str]) -> int:
    """How many of the message's last paragraphs are no Markdown, by what its ``plain`` says."""
    return max((int(found[1]) for each in plain if (found := re.fullmatch(LAST, each))), default=0)


def author(value: object, adjust: Adjust, given: Given) -> Given | None:
    """A name, or its parts."""
    parts = {"name": value} if isinstance(value, str) else _known(value, AUTHOR, adjust)
    name = text_of(parts.get("name")).strip()
    links = {key: icon(parts.get(key), adjust, given) for key in ("url", "icon_url")}
    found = {"name": name or EMPTY, **{key: link for key, link in links.items() if link}}
    return found if name or len(found) > 1 else None


def poll(value: object, adjust: Adjust, given: Given) -> Given | None:
    """A question and its answers; without answers, the question alone, which is drawn as text."""
    parts = {"question": value} if isinstance(value, str) else _known(value, POLL, adjust)
    listed = items(parts.get("answers"))
    answers = [{"text": each} if isinstance(each, str) else _known(each, ANSWER, adjust) for each in listed]
    texts = [(text_of(each.get("text")).strip(), text_of(each.get("emoji")).strip()) for each in answers]
    found = [{"text": text} | ({"emoji": emoji} if emoji else {}) for text, emoji in texts if text]
    question = text_of(parts.get("question")).strip()
    if not question or not found:
        adjust("left out: no question" if not question else "no answers: it stands in the text")
    if not question:
        return None
    return {
        "question": question,
        "answers": tuple(found),
        "hours": _hours(parts.get("hours"), adjust),
        "multiple": flag(parts.get("multiple", False), adjust, given),
    }


def _hours(value: object, adjust: Adjust) -> int:
    if value is None or value == "":
        return POLL_HOURS
    try:
        hours = value / timedelta(hours=1) if isinstance(value, timedelta) else float(text_of(value))
        if abs(hours) < HOURS_MAX:
            return int(hours)
    except ValueError:
        pass
    adjust(f"hours: no number; {POLL_HOURS}")
    return POLL_HOURS


def buttons(value: object, adjust: Adjust, given: Given) -> tuple[Given, ...]:
    """Of a mapping of labels and links, or of a list."""
    listed: list[Any] = items(value)
    if isinstance(value, Mapping) and "url" not in value:
        listed = [{"label": label, "url": url} for label, url in islice(value.items(), BUTTONS_MAX + 1)]
    found = []
    if len(listed) > BUTTONS_MAX:
        adjust(f"only the first {BUTTONS_MAX}")
    for each in listed[:BUTTONS_MAX]:
        parts = _known(each, BUTTON, adjust)
        label, link = (text_of(parts.get(name))[:BUTTON_CHARACTERS].strip() for name in ("label", "url"))
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
    return list(islice(value, ITEMS_MAX + 1))


def _known(value: object, names: tuple[str, ...], adjust: Adjust) -> Given:
    """As ``_parts``; names that are none of these are told."""
    parts = _parts(value, names)
    for problem in unknown_parts(parts, names):
        adjust(problem)
    return parts


def _parts(value: object, names: tuple[str, ...]) -> Given:
    """The parts of one thing: of a mapping, of a sequence in this order, or of an object that has them."""
    if isinstance(value, Mapping):
        return {text_of(name): each for name, each in islice(value.items(), ITEMS_MAX)}
    if isinstance(value, tuple | list):
        return dict(zip(names, value, strict=False))
    found = {name: getattr(value, name) for name in names if hasattr(value, name)}
    return found or {names[0]: EMPTY, names[1]: value}
