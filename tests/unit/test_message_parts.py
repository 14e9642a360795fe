"""The parts of a message are made in error handlers: no value makes one of them raise, a wrong name says which."""

from typing import Any

import pytest

from notifier.errors import InvalidMessage
from notifier.message_parts import Author, LinkButton, MessageField, MessageFile, Poll, PollAnswer
from notifier.models import NotificationMessage

LINK = "https://a.invalid/"
KINDS = (Author, LinkButton, MessageField, MessageFile, Poll, PollAnswer)
OF_A_MESSAGE = {Author: "author", LinkButton: "buttons", MessageField: "fields", MessageFile: "files", Poll: "poll"}


def test_parts_take_their_values_in_order_as_the_table_in_the_readme_has_them() -> None:
    assert Author("A", LINK, LINK) == Author(name="A", url=LINK, icon_url=LINK)
    assert LinkButton("Open", LINK, emoji="✅") == LinkButton(label="Open", url=LINK, emoji="✅")
    assert MessageFile("a.txt", "text") == MessageFile(name="a.txt", content=b"text")
    poll: Any = Poll("q", [PollAnswer("a", "✅"), "b"], 5)
    taken = NotificationMessage(title="T", poll=poll)
    assert taken.poll == Poll("q", (PollAnswer("a", "✅"), PollAnswer("b")), hours=5)
    assert taken.adjusted == ()


def test_a_value_that_a_part_cannot_take_is_for_the_message_to_adjust() -> None:
    alert = NotificationMessage(
        title="T",
        author=Author("A", "no link"),
        buttons=[LinkButton("Open", None), LinkButton("", LINK)],
        fields=[MessageField("", 5)],
        files=[MessageFile("", {"a": 1}), MessageFile(None, b"x", content_type="text/plain", description="d")],
    )
    assert alert.author == Author("A")
    assert (alert.message, alert.buttons) == ("Open", (LinkButton(LINK, LINK),))
    assert alert.fields == (MessageField("–", "5"),)
    assert [(file.name, file.content) for file in alert.files] == [("file-1.txt", b'{"a": 1}'), ("file-2.bin", b"x")]
    assert (alert.files[1].content_type, alert.files[1].description) == ("text/plain", "d")
    assert {each.partition(":")[0] for each in alert.adjusted} == {"author", "buttons"}
    assert NotificationMessage.model_validate_json(alert.model_dump_json()) == alert


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError("hostile")

    __repr__ = __str__


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "value", [None, "", 5, b"\xff", "\ud800", [1], {"base64": 5}, Hostile(), float("nan"), ValueError("x")]
)
def test_no_value_makes_a_part_raise(kind: type[Any], value: object) -> None:
    kind()
    names = tuple(kind.model_fields)
    for name in names:
        part = kind(**{name: value})
        if kind in OF_A_MESSAGE:
            NotificationMessage(title="T", **{OF_A_MESSAGE[kind]: part})
    NotificationMessage(title="T", poll=Poll("q", kind(*[value] * len(names))))


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_part_is_named_with_the_nearest_right_name(kind: type[Any]) -> None:
    name = next(iter(kind.model_fields))
    with pytest.raises(InvalidMessage, match=f"^{kind.__name__}: no part {name}x; {name}\\?$"):
        kind(**{f"{name}x": 1})
    with pytest.raises(InvalidMessage, match=f"^{kind.__name__}: .*twice"):
        kind("a", **{name: "b"})
    with pytest.raises(InvalidMessage, match=f"^{kind.__name__}: .*most"):
        kind(*["a"] * 9)


def test_what_a_mapping_has_beside_the_parts_is_said() -> None:
    for name, given in (
        ("author", {"name": "A", "icon": LINK}),
        ("poll", {"question": "q", "answers": ["a"], "lenght": 5}),
        ("buttons", {"url": LINK, "text": "Open"}),
        ("files", {"name": "a.txt", "content": "x", "type": "text/plain"}),
    ):
        unknown = list(given)[-1]
        assert [each for each in NotificationMessage(title="T", **{name: given}).adjusted if unknown in each], name
