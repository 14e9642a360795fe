"""Plain text is drawn as it stands: Markdown in it is escaped, links stay links, and nothing of it is lost."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.message_parts import MessageField
from notifier.models import NotificationMessage
from notifier.render.batch import compose, measure
from notifier.render.markdown import plain
from notifier.render.split import split
from tests.unit.render.discord_rules import violations

SAMPLES = [
    *("__init__.py", "*args, **kwargs", "a || b || c", "C:\\new\\table", "<host>", "# comment", "## two", "-# small"),
    *(
        "> quoted",
        ">>> all of it",
        "- item",
        "  - inner",
        "+ item",
        "* item",
        "1. first",
        "  12. twelfth",
        "`code`",
        "```py",
    ),
    *("```py", "~~gone~~", "_it_", "***both***", "[text](https://evil.invalid/)", "[text]", "<https://a.invalid/_x_>"),
    *(
        "<@123>",
        "<@&123>",
        "<#123>",
        "<:name:123>",
        "<a:name:123>",
        "<t:1700000000:R>",
        "</command:123>",
        "<id:customize>",
    ),
    *("@everyone", "@here", ":smile:", "a\\*b", "\\", "|", "`", "||spoiler||", "x_y_z", "f(*a)[0]", "\\_\\_"),
]
LINK = re.compile(r"https?://[^\s<]+[^\s<.,:;\"'\]]")
ESCAPE = re.compile(r"\\([^0-9A-Za-z\s])")
LIVE = re.compile(r"[*_~`|\[\]<]|(?m:^[ \t]*(?:#{1,3} |-# |[-+*] |>|\d+\. ))|(?<!\w):\w+:|@(?:everyone|here)\b")


def shown(markdown: str) -> tuple[str, str]:
    """What Discord draws of text that has escapes and links alone, and what of it is left to be read as Markdown."""
    drawn, live, at = "", "", 0
    for token in re.finditer(rf"{LINK.pattern}|{ESCAPE.pattern}", markdown):
        between = markdown[at : token.start()]
        drawn += between + (token[1] if token[1] else token[0])
        live += between + ("\ue000" if token[1] else "link")
        at = token.end()
    return drawn + markdown[at:], live + markdown[at:]


@pytest.mark.parametrize("text", SAMPLES)
def test_each_sample_is_drawn_as_it_stands(text: str) -> None:
    drawn, live = shown(plain(text))
    assert drawn == text
    assert LIVE.search(live) is None, live


@given(st.text(st.sampled_from("ab1.*_~`|[]()<>#-+:@/\\ \n") | st.characters(exclude_categories=["Cs"]), max_size=80))
def test_any_text_is_drawn_as_it_stands(text: str) -> None:
    drawn, live = shown(plain(text))
    assert drawn == text
    assert LIVE.search(live) is None, live


@pytest.mark.parametrize(
    "link", ["https://a.invalid/x_y_z*q?a=[1]&b", "http://a.invalid/~user/", "https://a.invalid/(b)"]
)
def test_a_link_stays_as_it_is(link: str) -> None:
    assert link in plain(f"see *{link} and more_")


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
