"""Components: which of them a webhook without an application may send, and how Discord shows them again."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from notifier.sandbox.emoji import read_emoji
from notifier.sandbox.form import Form, as_int

# Discord docs, components/reference.mdx, and its OpenAPI, specs/openapi.json.
COMPONENTS = 40  # in all, nested ones included
ROWS = 5  # action rows of a message without the flag IS_COMPONENTS_V2
IN_A_ROW = 5
IN_A_SECTION = 3
PICTURES = 10  # per media gallery
LABEL = 80  # code points
BUTTON_URL_CODE_POINTS = 512
TEXT = 4000  # code points of a text display
PICTURE_DESCRIPTION = 1024  # code points
LARGEST_COLOR = 16_777_215
LARGEST_ID = 2**31 - 1

ROW, BUTTON, SECTION, TEXT_DISPLAY, THUMBNAIL, GALLERY, FILE, SEPARATOR, CONTAINER = 1, 2, 9, 10, 11, 12, 13, 14, 17
LINK_STYLE = 5
UPLOAD = "attachment"

IN_A_CONTAINER = (ROW, SECTION, TEXT_DISPLAY, GALLERY, FILE, SEPARATOR)
IN_A_MESSAGE = (*IN_A_CONTAINER, CONTAINER)

V2_TEXT_BYTES = 10_170
"""UTF-8 bytes of all text displays, plus 12 each, above which Discord answers 500 (discord-api-docs #8554)."""
V2_TEXT_OVERHEAD_BYTES = 12

Shown = dict[str, Any]


def read_components(form: Form, *, v2: bool) -> list[Shown]:
    """The components of a message, each with an id as Discord gives it; errors go to the form.

    ``v2``: the message has the flag IS_COMPONENTS_V2. Without it there are action rows alone.
    """
    top = list(form.objects("components", COMPONENTS if v2 else ROWS))
    if sum(1 for one in top for _ in walk(one.values)) > COMPONENTS:
        if len(top) <= COMPONENTS:
            form.wrong("components", "BASE_TYPE_MAX_LENGTH", f"Must be {COMPONENTS} or fewer in length.")
        return []  # what lies deeper than that is not looked at
    shown = [_component(one, IN_A_MESSAGE if v2 else (ROW,)) for one in top]
    _number(shown)
    return shown


def walk(component: Any) -> Iterator[Shown]:
    """A component and all inside it, however deep."""
    waiting = [component]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            inner = each.get("components")
            waiting += [each.get("accessory"), *reversed(inner if isinstance(inner, list) else [])]


def breaks_discord(components: list[Shown]) -> bool:
    """Whether Discord answers 500 to these, within all documented limits (discord-api-docs #8554)."""
    texts = [
        str(each.get("content", ""))
        for component in components
        for each in walk(component)
        if each.get("type") == TEXT_DISPLAY
    ]
    return sum(len(text.encode("utf-8", "replace")) + V2_TEXT_OVERHEAD_BYTES for text in texts) > V2_TEXT_BYTES


def _component(form: Form, allowed: tuple[int, ...]) -> Shown:
    kind = as_int(form.values.get("type"))
    if kind not in allowed:
        # also what is interactive: only an application has somebody to answer to it
        form.wrong("type", "UNION_TYPE_CHOICES", f'Value of field "type" must be one of {allowed}.')
        return {}
    return {"type": kind, "id": form.whole("id", 0, LARGEST_ID), **READERS[kind](form)}


def _inside(form: Form, most: int, allowed: tuple[int, ...]) -> list[Shown]:
    if form.values.get("components") is None:
        form.wrong("components", "BASE_TYPE_REQUIRED", "This field is required")
    # 1 and 5 were seen (AyakoBot/Ayako-v2#273)
    return [_component(one, allowed) for one in form.objects("components", most, 1)]


def _row(form: Form) -> Shown:
    return {"components": _inside(form, IN_A_ROW, (BUTTON,))}


def _button(form: Form) -> Shown:
    style = form.whole("style", 1, 6)
    if form.values.get("style") is None:
        form.wrong("style", "BASE_TYPE_REQUIRED", "This field is required")
    elif style is not None and style != LINK_STYLE:
        form.wrong("style", "BASE_TYPE_CHOICES", f"Value must be one of {{{LINK_STYLE}}}.")
    if form.values.get("custom_id") is not None:
        message = "A custom id and url cannot both be specified"
        form.wrong("custom_id", "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE", message)
    if form.values.get("url") is None:
        form.wrong("url", "BUTTON_COMPONENT_URL_REQUIRED", "A url is required")  # text: appujet/Wave-Music#2
    url, label, emoji = form.url("url", "discord", most=BUTTON_URL_CODE_POINTS), form.text("label", LABEL), None
    if form.values.get("emoji") is not None:
        given = read_emoji(form, "emoji") or {}
        emoji = {key: value for key, value in given.items() if value is not None}
    elif label == "" or form.values.get("label") is None:
        form.wrong("label", "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED", "A label or an emoji is required")
    button: Shown = {"style": style, "label": label, "emoji": emoji, "url": url}
    return {key: value for key, value in button.items() if value} | {"disabled": form.flag("disabled") or False}


def _section(form: Form) -> Shown:
    inside, accessory = _inside(form, IN_A_SECTION, (TEXT_DISPLAY,)), form.child("accessory")
    if form.values.get("accessory") is None:
        form.wrong("accessory", "BASE_TYPE_REQUIRED", "This field is required")
    return {"components": inside, "accessory": _component(accessory, (BUTTON, THUMBNAIL)) if accessory else {}}


def _text_display(form: Form) -> Shown:
    if form.values.get("content") is None:
        form.wrong("content", "BASE_TYPE_REQUIRED", "This field is required")
    return {"content": form.text("content", TEXT, 1)}


def _picture(form: Form) -> Shown:
    description = form.text("description", PICTURE_DESCRIPTION, 1)
    return {"media": _media(form, "media"), "description": description, "spoiler": form.flag("spoiler") or False}


def _gallery(form: Form) -> Shown:
    if form.values.get("items") is None:
        form.wrong("items", "BASE_TYPE_REQUIRED", "This field is required")
    return {"items": [_picture(one) for one in form.objects("items", PICTURES, 1)]}


def _file(form: Form) -> Shown:
    file = _media(form, "file", only_uploads=True)
    return {"file": file, "name": None, "size": None, "spoiler": form.flag("spoiler") or False}


def _separator(form: Form) -> Shown:
    divider = form.flag("divider")
    return {"divider": True if divider is None else divider, "spacing": form.whole("spacing", 1, 2) or 1}


def _container(form: Form) -> Shown:
    return {
        "accent_color": form.whole("accent_color", 0, LARGEST_COLOR),
        "components": _inside(form, COMPONENTS, IN_A_CONTAINER),
        "spoiler": form.flag("spoiler") or False,
    }


def _media(form: Form, key: str, *, only_uploads: bool = False) -> Shown:
    media = form.child(key)
    if media is None or media.values.get("url") is None:
        form.wrong(key, "BASE_TYPE_REQUIRED", "This field is required")
        return {}
    url = media.url("url", UPLOAD)
    if only_uploads and url and not url.startswith(f"{UPLOAD}://"):
        media.wrong("url", "URL_TYPE_INVALID_SCHEME", f"Scheme must be one of ('{UPLOAD}',).")
    return {"id": "0", "url": url, "proxy_url": url, "width": None, "height": None, "content_type": None}


def _number(components: list[Shown]) -> None:
    """Give an id to each that has none, in order (Discord docs, components/reference.mdx)."""
    everything = [each for component in components for each in walk(component)]
    taken = {each.get("id") for each in everything}
    free = (number for number in count(1) if number not in taken)
    for each in everything:
        if not each.get("id"):
            each["id"] = next(free)


READERS: dict[int, Callable[[Form], Shown]] = {
    ROW: _row,
    BUTTON: _button,
    SECTION: _section,
    TEXT_DISPLAY: _text_display,
    THUMBNAIL: _picture,
    GALLERY: _gallery,
    FILE: _file,
    SEPARATOR: _separator,
    CONTAINER: _container,
}
