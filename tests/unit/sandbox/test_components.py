"""Components are checked to the innermost, and shown as Discord's OpenAPI describes them."""

from typing import Any

import pytest

from notifier.sandbox.form import FormError
from notifier.sandbox.rules import IS_COMPONENTS_V2, read_message

LINK = {"type": 2, "style": 5, "label": "Open", "url": "https://example.com"}
TEXT = {"type": 10, "content": "x"}
PICTURE = {"media": {"url": "https://example.com/a.png"}}
BIG, BETWEEN, NEEDED, KIND = "BASE_TYPE_MAX_LENGTH", "BASE_TYPE_BAD_LENGTH", "BASE_TYPE_REQUIRED", "UNION_TYPE_CHOICES"


def row(*buttons: Any) -> dict[str, Any]:
    return {"type": 1, "components": list(buttons)}


def button(**changed: Any) -> dict[str, Any]:
    return row({key: value for key, value in {**LINK, **changed}.items() if value is not ...})


def section(**changed: Any) -> dict[str, Any]:
    return {"type": 9, "components": [TEXT], "accessory": {"type": 11, **PICTURE}, **changed}


def errors_of(*components: Any, flags: int = 0) -> dict[str, str]:
    """Path to the first code of everything wrong."""
    try:
        read_message(
            {"content": None if flags else "x", "components": list(components), "flags": flags}, with_components=True
        )
    except FormError as error:
        found: dict[str, str] = {}
        waiting = [("", error.form_errors.tree())]
        while waiting:
            path, node = waiting.pop()
            for key, value in node.items():
                if key == "_errors":
                    found[path.removeprefix("components.")] = value[0]["code"]
                else:
                    waiting.append((f"{path}.{key}".lstrip("."), value))
        return found
    return {}


@pytest.mark.parametrize(
    ("component", "wrong"),
    [
        (button(), {}),
        (button(label=..., emoji={"name": "🚀"}), {}),
        (button(label=..., emoji={"id": "1", "name": "ours"}), {}),
        (button(emoji={"name": "1️⃣"}), {}),
        (button(url="discord://-/settings"), {}),
        (button(disabled=True, id=7), {}),
        (row(*[LINK] * 5), {}),
        (row(*[LINK] * 6), {"0.components": BETWEEN}),
        (row(), {"0.components": BETWEEN}),
        ({"type": 1}, {"0.components": NEEDED}),
        ({"type": 1, "components": "x"}, {"0.components": "LIST_TYPE_CONVERT"}),
        (row({"type": 3, "custom_id": "x", "options": []}), {"0.components.0.type": KIND}),
        (row(row(LINK)), {"0.components.0.type": KIND}),
        (TEXT, {"0.type": KIND}),
        (button(url=...), {"0.components.0.url": "BUTTON_COMPONENT_URL_REQUIRED"}),
        (button(url=""), {"0.components.0.url": "URL_TYPE_INVALID_SCHEME"}),
        (button(url="javascript:alert(1)"), {"0.components.0.url": "URL_TYPE_INVALID_SCHEME"}),
        (button(url="https://example.com/" + "x" * 492), {}),
        (button(url="https://example.com/" + "x" * 493), {"0.components.0.url": BIG}),
        (button(label="x" * 80), {}),
        (button(label="x" * 81), {"0.components.0.label": BIG}),
        (button(label=...), {"0.components.0.label": "BUTTON_COMPONENT_LABEL_OR_EMOJI_REQUIRED"}),
        (button(label=[]), {"0.components.0.label": "STRING_TYPE_CONVERT"}),
        (button(style=...), {"0.components.0.style": NEEDED}),
        (button(style=1), {"0.components.0.style": "BASE_TYPE_CHOICES"}),
        (button(style=9), {"0.components.0.style": "NUMBER_TYPE_MAX"}),
        (button(custom_id="x"), {"0.components.0.custom_id": "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE"}),
        (button(emoji={"name": "tada"}), {"0.components.0.emoji.name": "BUTTON_COMPONENT_INVALID_EMOJI"}),
        (button(emoji={}), {"0.components.0.emoji.name": "BUTTON_COMPONENT_INVALID_EMOJI"}),
        (button(emoji={"name": "🚀" * 33}), {"0.components.0.emoji.name": BIG}),
        (button(emoji="🚀"), {"0.components.0.emoji": "MODEL_TYPE_CONVERT"}),
        (button(disabled="maybe"), {"0.components.0.disabled": "BOOLEAN_TYPE_CONVERT"}),
    ],
)  # fmt: skip
def test_a_message_takes_rows_of_link_buttons_alone(component: Any, wrong: dict[str, str]) -> None:
    assert errors_of(component) == wrong


def test_there_are_five_rows_at_most() -> None:
    assert errors_of(*[row(LINK)] * 5) == {}
    assert errors_of(*[row(LINK)] * 6) == {"components": BIG}


@pytest.mark.parametrize(
    ("component", "wrong"),
    [
        (TEXT, {}),
        ({"type": 10, "content": " "}, {"0.content": BETWEEN}),
        ({"type": 10, "content": "x" * 4001}, {"0.content": BETWEEN}),
        ({"type": 10}, {"0.content": NEEDED}),
        (section(), {}),
        (section(accessory=LINK), {}),
        (section(components=[TEXT] * 4), {"0.components": BETWEEN}),
        (section(components=[LINK]), {"0.components.0.type": KIND}),
        (section(accessory=None), {"0.accessory": NEEDED}),
        (section(accessory=TEXT), {"0.accessory.type": KIND}),
        ({"type": 12, "items": [PICTURE] * 10}, {}),
        ({"type": 12, "items": [PICTURE] * 11}, {"0.items": BETWEEN}),
        ({"type": 12, "items": [{"media": {"url": "ftp://x/y"}}]}, {"0.items.0.media.url": "URL_TYPE_INVALID_SCHEME"}),
        ({"type": 12, "items": [{"spoiler": True}]}, {"0.items.0.media": NEEDED}),
        ({"type": 13, "file": {"url": "attachment://a.txt"}}, {}),
        ({"type": 13, "file": {"url": "https://example.com/a"}}, {"0.file.url": "URL_TYPE_INVALID_SCHEME"}),
        ({"type": 14, "spacing": 2, "divider": False}, {}),
        ({"type": 14, "spacing": 3}, {"0.spacing": "NUMBER_TYPE_MAX"}),
        ({"type": 17, "components": [TEXT, section(), row(LINK), {"type": 14}], "accent_color": 255}, {}),
        ({"type": 17, "components": []}, {"0.components": BETWEEN}),
        ({"type": 17, "components": [{"type": 17, "components": [TEXT]}]}, {"0.components.0.type": KIND}),
        ({"type": 17, "components": [TEXT], "accent_color": 2**24}, {"0.accent_color": "NUMBER_TYPE_MAX"}),
        (LINK, {"0.type": KIND}),
    ],
)  # fmt: skip
def test_with_the_flag_there_is_more(component: Any, wrong: dict[str, str]) -> None:
    assert errors_of(component, flags=IS_COMPONENTS_V2) == wrong


@pytest.mark.parametrize("kind", [[], {}, None, "x", 99, 3, 18])
def test_a_component_of_no_known_type_is_refused(kind: Any) -> None:
    assert errors_of({"type": kind}, flags=IS_COMPONENTS_V2) == {"0.type": KIND}


def test_components_nested_without_end_are_too_many() -> None:
    nested: dict[str, Any] = TEXT
    for _ in range(5_000):
        nested = {"type": 17, "components": [nested]}
    assert errors_of(nested, flags=IS_COMPONENTS_V2) == {"components": BIG}
    assert errors_of({"type": 17, "components": [TEXT] * 39}, flags=IS_COMPONENTS_V2) == {}
    assert errors_of({"type": 17, "components": [TEXT] * 40}, flags=IS_COMPONENTS_V2) == {"components": BIG}


def test_each_component_is_shown_with_an_id_and_with_what_was_left_out() -> None:
    sent = [{"type": 17, "id": 2, "components": [section(), row({**LINK, "emoji": {"name": "🚀"}})]}, {"type": 14}]
    draft = read_message({"components": sent, "flags": IS_COMPONENTS_V2}, with_components=True)
    container, separator = draft.components
    text, rows = container["components"]
    assert (container["id"], container["accent_color"], container["spoiler"]) == (2, None, False)
    ids = [2, text["id"], text["components"][0]["id"], text["accessory"]["id"], rows["id"], rows["components"][0]["id"]]
    assert sorted([*ids, separator["id"]]) == list(range(1, 8))
    assert (separator["divider"], separator["spacing"]) == (True, 1)
    shown = {**LINK, "id": rows["components"][0]["id"], "emoji": {"name": "🚀"}, "disabled": False}
    assert rows["components"] == [shown]


def test_without_the_parameter_all_of_it_is_ignored() -> None:
    assert read_message({"content": "x", "components": [{"type": 99}]}).components == []
