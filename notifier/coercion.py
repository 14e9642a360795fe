"""What a caller gave becomes what a message takes: no alert is refused for its form.

A value that has a text is that text. What can be no link, no colour, no time and so on is left out; links stay in the
text. Every change is said in ``adjusted``. What was no text is named in ``plain``: it is no Markdown.
"""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from notifier.attached import MessageFiles, files_of
from notifier.colours import colour_of
from notifier.given_incident import OF_AN_INCIDENT
from notifier.given_parts import (
    BROKEN,
    CUT,
    LAST,
    Adjust,
    Given,
    author,
    buttons,
    fields,
    flag,
    icon,
    into_text,
    is_foreign,
    items,
    markdown,
    poll,
)
from notifier.given_severity import severity
from notifier.message_parts import (
    MENTIONS_MAX,
    USERNAME_MAX_CHARACTERS,
    AlertType,
    as_mention,
    is_http_url,
    is_snowflake,
    usable_name,
    utc,
)
from notifier.shortening import TEXTS
from notifier.texts import ITEMS_MAX, MORE, Walk, clean, is_a, is_broken, text_of

TAGS = 5
"""Of a post, as Discord takes them; of several times as many the first that are right are looked for."""
TITLE_CHARACTERS = 200
"""Ours: what a title takes of a text that has no line end."""
RAISED = frozenset(("exception", "exc_info", "traceback"))
NOTES_MAX = 50
NOTE_CHARACTERS = 1_000
"""Ours: of what is said in ``adjusted``, and of each of them."""
NAME_CHARACTERS = 1_000
"""Ours: of a username of which the nearest usable one is looked for; it has 80."""
PLAIN = rf"{'|'.join(TEXTS)}|fields\.[0-9]+\.name|{LAST}"


def coerce(data: Mapping[str, Any]) -> Given:
    """The fields of a message, of what a caller gave. Raises nothing, whatever the values are.

    Of what is right already nothing changes. Unknown names stay, for they are refused elsewhere.
    """
    given = dict(data)
    adjusted = _words(given.pop("adjusted")) if "adjusted" in given else []
    if not (RAISED.isdisjoint(given) and type(given.get("title")) is type(given.get("message", "")) is str):
        from notifier.given_exception import read_exceptions  # few calls have one

        read_exceptions(given)
    _texts(given, adjusted)
    if not COERCIONS.keys().isdisjoint(given):
        for name, coerce_one in COERCIONS.items():
            if name in given:
                _coerce_one(given, name, coerce_one, adjusted)
    if not given.get("title"):
        _title(given)
    if adjusted:
        said = list(dict.fromkeys(adjusted))
        given["adjusted"] = tuple([*said[:NOTES_MAX], MORE] if len(said) > NOTES_MAX else said)
    return given


def _words(value: object, most: int = NOTES_MAX + 1) -> list[str]:
    """What an earlier reading of the same message noted."""
    words = value if is_a(value, list) or is_a(value, tuple) else ()
    return [clean(str.__str__(each)[:NOTE_CHARACTERS]) for each in words[:most] if is_a(each, str)]


def _coerce_one(given: Given, name: str, coerce_one: "Coercion", adjusted: list[str]) -> None:
    value = given.pop(name)
    try:
        if value is None or (isinstance(value, str) and not value.strip()):
            return
        found = coerce_one(value, lambda why: adjusted.append(f"{name}: {why}"), given)
    except Exception as error:  # of the value's own methods
        adjusted.append(f"{name}: left out ({type(error).__name__})")
        return
    if found is not None:
        given[name] = found


def _texts(given: Given, adjusted: list[str]) -> None:
    named = _words(given.pop("plain"), ITEMS_MAX) if "plain" in given else ()
    plain = [each for each in named if re.fullmatch(PLAIN, each)] if named else []
    for name in TEXTS:
        if name not in given:
            continue
        value = given[name]
        if type(value) is not str or not value.isascii():
            walk = Walk()
            given[name] = text_of(value, walk)
            adjusted += [f"{name}: {BROKEN}"] if is_broken(value, given[name]) else []
            adjusted += [f"{name}: {CUT}"] if walk.is_cut else []
            if name in ("title", "message", "content") and is_foreign(value, given[name]):
                plain.append(name)
        if not given[name] or given[name].isspace():
            del given[name]
    if plain:
        given["plain"] = tuple(dict.fromkeys(plain))


def _title(given: Given) -> None:
    """No title: the first line of the text, else the name of the type."""
    if given.get("dedup_key") and (given.get("update") or given.get("resolved")):
        given["title"] = given["dedup_key"]  # stands for the title that its incident has
        return
    first, _, rest = given.get("message", "").strip().partition("\n")
    if len(first) > TITLE_CHARACTERS:
        first, rest = first[:TITLE_CHARACTERS] + MORE, given["message"]
    if first:
        given["title"], given["message"] = first, rest.strip()
        if "message" in given.get("plain", ()):
            given["plain"] = tuple(dict.fromkeys((*given["plain"], "title")))
    else:
        kind = given.get("alert_type") or AlertType.GENERAL
        given["title"] = (kind.value if isinstance(kind, AlertType) else str(kind)).strip().capitalize() or "General"


def _id(value: object, _: Adjust, __: Given) -> str | None:
    return value if type(value) is str else text_of(value) or None


def _link(value: object, adjust: Adjust, given: Given) -> str | None:
    if not (link := text_of(value).strip()):
        return None
    if is_http_url(link):
        return link
    adjust("no http or https link; it stands in the text")
    into_text(given, link)
    return None


def _picture(value: object, adjust: Adjust, given: Given) -> str | None:
    link = text_of(value).strip()
    if not link or is_http_url(link):
        return link or None
    names = [each.name for each in files_of(given.get("files"))[0]]
    if link.removeprefix("attachment://") in names:
        return link
    return _link(link, adjust, given)


def _colour(value: object, adjust: Adjust, _: Given) -> int | None:
    if value in (None, ""):
        return None
    if (colour := colour_of(value)) is None:
        adjust("left out: no colour")
    return colour


def _time(value: object, adjust: Adjust, _: Given) -> datetime | None:
    try:
        if isinstance(value, str):
            value = (
                float(value) if value.strip().replace(".", "", 1).isdecimal() else datetime.fromisoformat(value.strip())
            )
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1_000 if value > 1e11 else value  # JavaScript's milliseconds
            value = datetime.fromtimestamp(seconds, UTC)
        elif isinstance(value, date) and not isinstance(value, datetime):
            value = datetime(value.year, value.month, value.day)
        if isinstance(value, datetime):
            return utc(value)
    except (ValueError, OverflowError, OSError):
        pass
    if value not in (None, ""):
        adjust("left out: no time; it is the time of the call")
    return None


def _username(value: object, adjust: Adjust, _: Given) -> str | None:
    given = text_of(value)
    name = usable_name(given[:NAME_CHARACTERS])[:USERNAME_MAX_CHARACTERS].strip()
    if given and name != given.strip():
        adjust("replaced: Discord does not take it" if name else "left out: Discord does not take it")
    return name or None


def _snowflake(value: object, adjust: Adjust, _: Given) -> str | None:
    found = text_of(value).strip()
    if found and not is_snowflake(found):
        adjust("left out: no id of Discord's")
        return None
    return str(int(found)) if found else None


def _snowflakes(value: object, adjust: Adjust, given: Given) -> tuple[str, ...]:
    found = [_snowflake(each, adjust, given) for each in items(value)[: 4 * TAGS]]
    return tuple(each for each in found if each)


def _mentions(value: object, adjust: Adjust, _: Given) -> tuple[str, ...]:
    found, walk = [], Walk()
    for each in items(value)[: 4 * MENTIONS_MAX]:
        if mention := as_mention(walk.text(each).strip()):
            found.append(mention)
        else:
            adjust("one left out: expected '<@user id>', '<@&role id>', '@here' or '@everyone'")
    if len(found) > MENTIONS_MAX:
        adjust(f"only the first {MENTIONS_MAX}")
    return tuple(found[:MENTIONS_MAX])


def _long_text(value: object, adjust: Adjust, _: Given) -> str | None:
    name = text_of(value).strip().lower()
    if name in ("attach", "split"):
        return name
    if name:
        adjust("left out: expected attach or split")
    return None


def _files(value: object, adjust: Adjust, _: Given) -> MessageFiles:
    found, problems = files_of(value)
    for problem in problems:
        adjust(problem)
    return found


def _metadata(value: object, adjust: Adjust, _: Given) -> Given:
    if value is None:
        return {}
    walk = Walk()
    found = walk.of(value)
    if not is_a(found, dict):
        adjust("no mapping: kept under 'value'")
        walk = Walk()
        found = walk.of({"value": value})
    if walk.is_cut:
        adjust(CUT)
    return dict(found)


Coercion = Callable[[object, Adjust, Given], Any]
COERCIONS: dict[str, Coercion] = {
    "id": _id,
    "files": _files,
    "severity": severity,
    "color": _colour,
    "url": _link,
    "timestamp": _time,
    "username": _username,
    "avatar_url": icon,
    "footer_icon": icon,
    "thumbnail": _picture,
    "image": _picture,
    "thread_id": _snowflake,
    "applied_tags": _snowflakes,
    "mentions": _mentions,
    "tts": flag,
    "silent": flag,
    "suppress_embeds": flag,
    "markdown": markdown,
    "long_text": _long_text,
    **OF_AN_INCIDENT,
    "fields": fields,
    "author": author,
    "poll": poll,
    "buttons": buttons,
    "metadata": _metadata,
}
"""By field; files first, for pictures may be among them."""
