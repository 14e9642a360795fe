"""What of a message is plain text is drawn as it stands, wherever it stands; the rest is Markdown."""

from pathlib import Path
from typing import Any

import pytest

from notifier.message_parts import MessageField
from notifier.models import NotificationMessage
from notifier.outbox.preparation import prepare
from notifier.plain_text import plain
from notifier.render.batch import compose
from notifier.render.load import measure
from notifier.render.markdown import SHOWN_CHARACTERS
from notifier.render.split import split
from notifier.settings import settings
from tests.unit.render.discord_markdown import draw
from tests.unit.render.discord_rules import violations


def alert(**more: Any) -> NotificationMessage:
    return NotificationMessage(**{"title": "T", **more})


def embed_of(message: NotificationMessage) -> dict[str, Any]:
    (embed,) = compose([message]).body["embeds"]
    return dict(embed)


def test_a_callers_own_strings_are_markdown_and_what_was_no_string_is_not() -> None:
    own = embed_of(alert(title="a *b*", message="c *d*", fields={"e *f*": "g *h*"}))
    assert [own["title"], own["description"], own["fields"][0]["name"], own["fields"][0]["value"]] == [
        *("a *b*", "c *d*", "e *f*", "g *h*"),
    ]
    other = embed_of(alert(title=ValueError("*"), message=["*"], fields={"*": {"a": "*"}}))
    assert other["title"] == "ValueError: \\*"
    assert other["description"] == "\\*"
    assert (other["fields"][0]["name"], other["fields"][0]["value"]) == ("*", '{"a": "\\*"}')


def test_all_of_an_alert_may_be_plain_and_a_field_of_it_not() -> None:
    fields = [MessageField(name="*", value="*"), MessageField(name="_", value="_", markdown=True)]
    embed = embed_of(alert(title="*", message="*", fields=fields, source="*", markdown=False))
    assert (embed["title"], embed["description"], embed["footer"]["text"]) == ("\\*", "\\*", "*"), "a footer has none"
    assert [(each["name"], each["value"]) for each in embed["fields"]] == [("\\*", "\\*"), ("_", "_")]


def test_escapes_count_in_the_limits_and_the_file_has_none() -> None:
    message = alert(message="*" * 3_000, markdown=False)
    assert measure(message).batch_key == "", "escaped, it is longer than an embed takes"
    payload = compose([message])
    assert violations(payload) == []
    assert "*" * 3_000 in payload.files[0].content.decode()
    assert "\\*" not in payload.files[0].content.decode()


def test_the_parts_of_a_split_alert_are_escaped_once() -> None:
    parts = split(alert(message="* " * 4_000, content="*" * 10, markdown=False))
    bodies = [compose([part]).body for part in parts]
    text = "".join(body["embeds"][0]["description"] for body in bodies)
    assert text.count("*") == text.count("\\") == 4_000
    assert bodies[0]["content"] == "\\*" * 10


def test_plain_text_in_the_content_names_nobody() -> None:
    body = compose([alert(content="<@123> @everyone", markdown=False)]).body
    assert body["content"].startswith("\\<@123>")
    assert "@everyone" not in body["content"]
    assert body["allowed_mentions"] == {"parse": []}


def test_where_the_title_is_a_link_discord_looks_for_none_in_it() -> None:
    """Else a link's underscores were drawn as Markdown, for they are not escaped."""
    text = "GET https://a.invalid/_x_"
    for url, title in ((None, text), ("https://b.invalid/", r"GET https\://a.invalid/\_x\_")):
        embed = embed_of(alert(title=text, message=text, fields={text: text}, url=url, markdown=False))
        (field,) = embed["fields"]
        assert (embed["title"], field["name"], embed["description"], field["value"]) == (title, title, text, text)
    foreign = ValueError("https://a.invalid/_x_")
    assert embed_of(alert(title=foreign, url="https://b.invalid/"))["title"] == r"ValueError: https\://a.invalid/\_x\_"


def test_a_name_of_a_field_may_be_no_string_either() -> None:
    message = alert(fields={Path("a_b_c"): 1, "_x_": 2, 3: 4})
    assert [each["name"] for each in embed_of(message)["fields"]] == [r"a\_b\_c", "_x_", "3"]
    assert message.plain == ("fields.0.name",)
    assert NotificationMessage.model_validate_json(message.model_dump_json()) == message


def test_where_all_is_plain_so_is_the_name_of_a_field_whose_value_was_no_string() -> None:
    embed = embed_of(alert(fields={"*": {"a": "*"}}, markdown=False))
    assert (embed["fields"][0]["name"], embed["fields"][0]["value"]) == (r"\*", '{"a": "\\*"}')


@pytest.mark.parametrize("given", [{"url": "/_my_/1"}, {"image": "/_my_/1"}, {"buttons": [{"url": "/_my_/1"}]}])
def test_what_can_be_no_link_stands_in_the_text_as_it_is(given: dict[str, Any]) -> None:
    assert embed_of(alert(message="**a**", **given))["description"] == "**a**\n\n/\\_my\\_/1"
    assert embed_of(alert(message=["*"], **given))["description"] == "\\*\n\n/\\_my\\_/1"
    assert embed_of(alert(message="*", markdown=False, **given))["description"] == "\\*\n\n/\\_my\\_/1"
    assert embed_of(alert(**given))["description"] == r"/\_my\_/1"
    assert alert(**given).message == "/_my_/1", "stored as it is"


def test_what_can_be_no_link_is_escaped_once_whatever_the_text_is() -> None:
    """And not at all where it is stored, also if it is read again, and more is put there."""
    given: dict[str, Any] = {"url": "/_my_/1", "image": "_x_\n\n_y_", "buttons": [{"label": "*b*", "url": "c"}]}
    message = alert(message="**a**\n\n**b**", **given)
    assert message.message == "**a**\n\n**b**\n\n/_my_/1\n\n_x_\n\n_y_\n\n*b*: c"
    escaped = "/\\_my\\_/1\n\n\\_x\\_\n\n\\_y\\_\n\n\\*b\\*: c"
    again = NotificationMessage.model_validate_json(message.model_dump_json(exclude_defaults=True))
    for each in (message, again, prepare(message, settings())):
        assert embed_of(each)["description"] == f"**a**\n\n**b**\n\n{escaped}"
    off = prepare(message, settings().model_copy(update={"markdown": False}))
    assert embed_of(off)["description"] == f"\\*\\*a\\*\\*\n\n\\*\\*b\\*\\*\n\n{escaped}"
    more = NotificationMessage(**{**message.model_dump(), "thumbnail": "_z_"})
    assert embed_of(more)["description"] == f"**a**\n\n**b**\n\n{escaped}\n\n\\_z\\_"


def test_what_needs_no_escapes_can_be_read_by_an_earlier_version() -> None:
    assert alert(message="**a**", url="grafana/d/1").plain == ()
    assert alert(message="**a**", url="grafana/d/1", image="_x_").plain == ("message.last.1",)
    assert alert(message="a", plain=["message.last.x", "message.last", "message.last.2"]).plain == ("message.last.2",)


def test_the_first_line_may_be_the_title_above_what_is_no_markdown() -> None:
    message = NotificationMessage(message="*a*", url="/_b_")
    embed = embed_of(message)
    assert (embed["title"], embed["description"]) == ("*a*", r"/\_b\_")


def test_a_link_that_stands_in_the_text_is_drawn_as_it_is() -> None:
    embed = embed_of(alert(message="a", url="http://grafana:3000/d/_1_|_x_"))
    assert embed["description"] == "a\n\n<http://grafana:3000/d/_1_>\\|\\_x\\_"


def test_what_has_no_markdown_elsewhere_has_none_in_the_text() -> None:
    """What of the names of an author and of a post, a poll and buttons does not fit stands in the text."""
    name, escaped = "_a_" * 100, r"\_a\_" * 100
    assert embed_of(alert(author=name))["description"] == escaped
    assert embed_of(alert(thread_name=name))["description"] == escaped
    poll = {"question": name + name, "answers": ["_b_", "c"]}
    assert embed_of(alert(poll=poll))["description"] == f"{escaped}{escaped}\n- \\_b\\_\n- c"
    buttons = [{"label": f"_{number}_", "url": f"https://a.invalid/_{number}_"} for number in range(26)]
    assert embed_of(alert(buttons=buttons))["description"] == r"\_25\_: https://a.invalid/_25_"
    parts = split(alert(source="_a_" * 1_000, message="b"))
    assert r"Source: \_a\_" in "".join(embed_of(part)["description"] for part in parts)


@pytest.mark.parametrize("backticks", [3, 4, 5, 7])
def test_no_traceback_ends_its_code_block(backticks: int) -> None:
    text = f"ValueError: {'`' * backticks}\n@everyone **bold**"
    drawn = embed_of(alert(traceback=text))["description"]
    assert draw(drawn).marks[:1] == ["code block"]
    assert drawn.count("```") == 2
    assert drawn.removeprefix("```py\n").removesuffix("\n```").replace("\u200b", "") == text


def test_a_text_that_is_far_too_long_between_much_space_is_not_lost() -> None:
    """What stands at both of its ends is trimmed by Discord, and by us."""
    space = "\x1c" * SHOWN_CHARACTERS
    payload = compose([alert(message=f"{space}all of it{space}", markdown=False)])
    assert "Cut here" in payload.body["embeds"][0]["description"]
    (file,) = payload.files
    assert "all of it" in file.content.decode()


@pytest.mark.slow
@pytest.mark.parametrize("text", ["[" * 400_000, "a" + "\u200b" * 300_000 + "b", "a" + " " * 300_000 + "b"])
@pytest.mark.parametrize("place", ["message", "content", "title", "fields", "last"])
def test_of_a_text_that_is_far_too_long_only_what_can_be_shown_is_escaped_and_all_is_in_the_file(
    monkeypatch: pytest.MonkeyPatch, text: str, place: str
) -> None:
    escaped: list[int] = []

    def counting(text: str, **more: bool) -> str:
        escaped.append(len(text))
        return plain(text, **more)

    monkeypatch.setattr("notifier.render.markdown.plain", counting)
    if place == "last":
        given: dict[str, Any] = {"message": f"*own*\n\n{text}", "plain": ("message.last.1",)}
    else:
        given = {place: {"n": text} if place == "fields" else text, "markdown": False}
    for more in ({}, {"suppress_embeds": True}):
        message = alert(**given, **more)
        payload = compose([message])
        assert violations(payload) == []
        assert max(escaped) < 100_000
        (file,) = payload.files
        assert "".join(text.split()) in "".join(file.content.decode().split())
