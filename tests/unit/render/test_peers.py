"""What users of other programs get from those, they get from us: nothing is refused, and all is in view.

The inputs are retold from what these peers' own tests give (read in 2026, each at its newest version):

- Apprise, ``tests/test_plugin_discord.py``: headings, overflow, attachments, mentions, thread, links to localhost.
- discord.py, ``tests/test_embed.py`` and ``tests/test_files.py``: embeds of every part, files without a name.
- python-discord-webhook, ``tests/test_embed.py``: parts that are no links, a colour out of range, a time as a number.
- Alertmanager, ``notify/discord/discord_test.go``: content, title, message, name and avatar at once.
- Grafana, ``receivers/discord/v1/discord_test.go``: a bad avatar, links to localhost, 2,000 characters and more.
- shoutrrr, ``pkg/services/discord/discord_test.go``: 42 and 62 times a hundred characters, no title, no text.

Apprise makes a field of each Markdown heading, with what stands below it as a code block: of five headings its user
sees five boxes, in which no link and no bold text is drawn. Ours offers no such choice. Discord has drawn headings
itself since 2023, larger than a field's name, and a field holds 1,024 characters, an embed 25 of them: text that fits
as it is would have to be cut or split.
"""

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from notifier.message_parts import Author, MessageFile
from notifier.models import NotificationMessage
from notifier.render.batch import compose
from notifier.render.ornaments import refused_by_form
from notifier.render.split import parts_of
from tests.unit.render.conftest import Discord

PICTURE = "https://example.com/a.png"
HUNDRED = "this string is exactly (to the letter) a hundred characters long which will make the send func error"
"""Of shoutrrr's test."""


def alert(**more: Any) -> NotificationMessage:
    return NotificationMessage(**{"title": "T", **more})


def posted(discord: Discord, message: NotificationMessage, *, in_forum: bool = False) -> list[dict[str, Any]]:
    """The messages that are in the channel then."""
    shown = []
    for part in parts_of(message):
        payload = compose([part], [""], [refused_by_form(part)], in_forum=in_forum)
        _, message_shown = discord.post(payload, in_forum=in_forum)
        assert discord.refused is None
        shown.append(message_shown)
    return shown


def in_view(messages: list[dict[str, Any]]) -> str:
    """All texts of the embeds, in order."""
    texts: list[str] = []
    for embed in (each for message in messages for each in message["embeds"]):
        texts += [
            embed.get("description", ""),
            *(f"{each['name']}: {each['value']}" for each in embed.get("fields", ())),
        ]
    return "\n".join(texts)


@dataclass(frozen=True)
class Case:
    """What a peer's user gives, and what is at least to be seen of it.

    ``text``: all that the embed says below its title. ``embed``, ``message``: parts of those, as Discord shows them.
    ``told``: what the record says was changed.
    """

    peer: str
    given: dict[str, Any]
    text: str = ""
    embed: dict[str, Any] = field(default_factory=dict)
    message: dict[str, Any] = field(default_factory=dict)
    told: tuple[str, ...] = ()


CASES = [
    Case(
        "Alertmanager: all that it can say (TestDiscord_Notify)",
        {
            "title": "Test Title",
            "message": "Test Message",
            "content": "Test Content",
            "username": "Test Username",
            "avatar_url": "http://example.com/avatar.png",
            "color": 10038562,
        },
        "Test Message",
        {"title": "Test Title", "color": 10038562},
        {"content": "Test Content", "author.username": "Test Username"},
    ),
    Case(
        "Grafana: a title that links to localhost, a footer with an icon (Default config with one alert)",
        {
            "title": "[FIRING:1]  (val1)",
            "content": "**Firing**\n\nValue: [no value]\nLabels:\n - lbl1 = val1",
            "color": 14037554,
            "url": "http://localhost/alerting/list",
            "source": "Grafana v9",
            "footer_icon": "https://grafana.com/static/assets/img/fav32.png",
            "username": "Grafana",
        },
        "http://localhost/alerting/list",
        {"footer.text": "Grafana v9", "footer.icon_url": "https://grafana.com/static/assets/img/fav32.png"},
        {"content": "**Firing**\n\nValue: [no value]\nLabels:\n - lbl1 = val1", "author.username": "Grafana"},
    ),
    Case(
        "Grafana: a template that fails leaves no avatar (Invalid avatar URL template); it sends what Discord refuses",
        {"title": "[FIRING:1]", "message": "valid message", "avatar_url": "{{ invalid } }}"},
        "valid message",
        told=("avatar_url: left out: no http or https link",),
    ),
    Case(
        "Grafana: more than 2,000 characters, of which it drops the rest (Should truncate too long messages)",
        {"title": "T", "message": "Y" * 2_099},
        "Y" * 2_099,
    ),
    Case(
        "Grafana: an image that is a file (one image without URL)",
        {"title": "alert1", "image": "test-image-2.jpg", "files": [("test-image-2.jpg", b"test bytes")]},
        embed={"image.url": "attachment://test-image-2.jpg"},
        message={"attachments": ["test-image-2.jpg"]},
    ),
    Case("shoutrrr: no title, of which it shows none", {"message": f"{HUNDRED}\nmore"}, "more", {"title": HUNDRED}),
    Case("shoutrrr: no text, which it refuses", {"title": "Title", "message": ""}, embed={"title": "Title"}),
    Case("shoutrrr: neither text nor title, which it refuses", {"message": ""}, embed={"title": "General"}),
    Case("shoutrrr: a colour in its own form", {"title": "T", "color": "0x112233"}, embed={"color": 0x112233}),
    Case(
        "Apprise: a link to localhost, an avatar there (?href=, ?avatar_url=)",
        {"title": "T", "url": "http://localhost", "avatar_url": "http://localhost/test.jpg"},
        "http://localhost",
    ),
    Case(
        "Apprise: an attachment that is not there costs its user the message (test_plugin_discord_attachments)",
        {"title": "title", "message": "body", "files": [Path("/invalid/path/to/an/invalid/file.jpg")]},
        "body",
        told=("files: file 1 left out (FileNotFoundError)",),
    ),
    Case(
        "Apprise: whom the text names (test_plugin_discord_notifications); ours pings whom the caller names",
        {
            "title": "T",
            "message": "@everyone and @admin, wake and meet our new user <@123>; <@&456>",
            "mentions": ["@everyone", "<@123>", "<@&456>"],
        },
        "@everyone and @admin, wake and meet our new user <@123>; <@&456>",
        message={"content": "@everyone <@123> <@&456>", "mention_everyone": True},
    ),
    Case(
        "Apprise: a thread, and a masked link (test_plugin_discord_markdown_extra)",
        {"title": "title", "message": "[green-blue](https://google.com)", "thread_id": 12345},
        "[green-blue](https://google.com)",
        message={"channel_id": "12345"},
    ),
    Case(
        "discord.py: an embed of every part (test_embed_len_with_options, test_embed_from_dict)",
        {
            "title": "Test Title",
            "message": "Test Description",
            "url": "http://example.com",
            "color": 0x00FF00,
            "timestamp": "2024-07-03T12:34:56+00:00",
            "fields": [
                {"name": "music", "value": "music value", "inline": True},
                {"name": "sport", "value": "sport value", "inline": False},
            ],
            "source": "footer 1",
            "author": {"name": "Rapptz", "url": "http://example.com", "icon_url": "http://example.com/icon.png"},
            "thumbnail": "http://example.com",
            "image": "http://example.com",
        },
        "Test Description\nmusic: music value\nsport: sport value",
        {
            "title": "Test Title",
            "url": "http://example.com",
            "color": 0x00FF00,
            "timestamp": "2024-07-03T12:34:56+00:00",
            "footer.text": "footer 1",
            "author.icon_url": "http://example.com/icon.png",
            "thumbnail.url": "http://example.com",
            "image.url": "http://example.com",
        },
    ),
    Case("discord.py: parts that are None", {"title": "T", "url": None, "image": None, "source": None, "color": None}),
    Case(
        "discord.py: a colour that it raises on (test_embed_colour_setter_failure)",
        {"title": "T", "color": -0.5},
        told=("color: left out: no colour",),
    ),
    Case(
        "discord.py: files with a name, a spoiler, and none (test_io_with_no_name); Discord takes no dot in front",
        {"title": "T", "files": [(".gitignore", b"a"), ("SPOILER_.gitignore", b"b"), BytesIO(b"c")]},
        message={"attachments": ["gitignore", "SPOILER_.gitignore", "file-3.bin"]},
    ),
    Case(
        "python-discord-webhook: links that are none, which Discord refuses (test_set_embed_url and those behind it)",
        {
            "title": "foobar",
            "url": "testurl",
            "footer_icon": "footer icon url",
            "image": "image url",
            "thumbnail": "thumbnail url",
            "author": {"name": "author name", "url": "author url", "icon_url": "author icon url"},
        },
        "testurl\n\nthumbnail url\n\nimage url",
        {"title": "foobar", "author.name": "author name"},
        told=(
            "url: no http or https link; it stands in the text",
            "footer_icon: left out: no http or https link",
            "thumbnail: no http or https link; it stands in the text",
            "image: no http or https link; it stands in the text",
            "author: left out: no http or https link",
        ),
    ),
    Case(
        "python-discord-webhook: a colour as text, a time as a number (test_set_embed_color, test_set_embed_timestamp)",
        {"title": "T", "color": "03b2f8", "timestamp": 1658504418.5660195},
        embed={"color": 0x03B2F8, "timestamp": "2022-07-22T15:40:18.566020+00:00"},
    ),
    Case(
        "python-discord-webhook: a colour out of range, on which it raises (test_embed_color_out_of_range)",
        {"title": "T", "color": 9999999999},
        told=("color: left out: no colour",),
    ),
    Case(
        "all of them: UTF-8 that is broken, and a field with no value, which Discord refuses",
        {"title": b"caf\xe9", "message": b"\xff\xfeabc", "fields": {"Rack": "", "Slot": None, "Bay": " "}},
        "\ufffd\ufffdabc\nRack: –\nSlot: –\nBay: –",
        {"title": "caf\ufffd"},
        told=("title: broken characters replaced", "message: broken characters replaced"),
    ),
]


def part(shown: dict[str, Any], path: str) -> Any:
    """A part of a part, such as ``author.name``; of attachments their names."""
    found: Any = shown
    for name in path.split("."):
        found = found[name]
    return [each["filename"] for each in found] if path == "attachments" else found


@pytest.mark.parametrize("case", CASES, ids=lambda each: each.peer)
def test_what_their_users_give_is_in_view_at_least_as_they_show_it(discord: Discord, case: Case) -> None:
    message = NotificationMessage(**case.given)
    (shown,) = posted(discord, message)
    assert in_view([shown]) == case.text
    assert {path: part(shown["embeds"][0], path) for path in case.embed} == case.embed
    assert {path: part(shown, path) for path in case.message} == case.message
    assert message.adjusted == case.told


@pytest.mark.parametrize("hundreds", [42, 62])
@pytest.mark.parametrize("title", ["Title", None])
def test_a_text_that_shoutrrr_shows_in_chunks_is_in_view_and_none_is_omitted(
    discord: Discord, hundreds: int, title: str | None
) -> None:
    """Of 62 hundreds it omits 200 characters."""
    given = NotificationMessage(title=title, message=HUNDRED * hundreds, long_text="split")
    shown = posted(discord, given)
    seen = "".join(in_view(shown).split())
    assert seen == "".join((HUNDRED * hundreds).split())
    assert len(shown) == 2


def test_a_title_and_a_text_that_apprise_splits_are_whole(discord: Discord) -> None:
    """A title of 1,024 and a text of 8,000 characters in rows (test_plugin_discord_overflow)."""
    text = "\r\n".join(f"{number:05} ABC def 0123456789xyz"[:24] for number in range(333))
    shown = posted(discord, alert(title="t" * 1_024, message=text, long_text="split"))
    seen = in_view(shown)
    assert "".join(seen.split())[:1_024] == "t" * 1_024
    assert [line for line in seen.splitlines() if line[:5].isdigit()] == text.split("\r\n")
    assert all(len(each["embeds"][0]["title"]) <= 256 for each in shown)


def test_a_long_text_is_in_view_in_parts_that_end_at_lines(discord: Discord) -> None:
    lines = [f"{number}: " + "x" * (number % 90) for number in range(300)]
    shown = posted(discord, alert(message="\n".join(lines), long_text="split"))
    assert len(shown) > 1
    assert in_view(shown).splitlines() == lines
    assert [each["attachments"] for each in shown] == [[]] * len(shown)


def test_headings_stay_headings_with_what_stands_below_them(discord: Discord) -> None:
    text = "## Heading one\nbody 1\n\n# Heading 2 ##\n\nTest\n\nmore content\n\n#### Heading 5"
    (shown,) = posted(discord, alert(message=text))
    assert in_view([shown]) == text


def test_more_fields_than_an_embed_has_room_for_are_all_in_view(discord: Discord) -> None:
    fields = {f"name {number}": f"value {number}" for number in range(60)}
    shown = posted(discord, alert(fields=fields, long_text="split"))
    assert [line for line in in_view(shown).splitlines() if line] == [f"{name}: {fields[name]}" for name in fields]


def test_author_pictures_and_files_are_shown(discord: Discord) -> None:
    (shown,) = posted(
        discord,
        alert(
            author=Author(name="A", url=PICTURE, icon_url=PICTURE),
            image="apprise-test.gif",
            thumbnail=PICTURE,
            username="Apprise",
            avatar_url=PICTURE,
            files=[MessageFile(name="apprise-test.gif", content=b"GIF89a"), MessageFile(name="a.txt", content="a")],
        ),
    )
    (embed,) = shown["embeds"]
    assert embed["author"] == {"name": "A", "url": PICTURE, "icon_url": PICTURE}
    assert embed["thumbnail"]["url"] == PICTURE
    assert embed["image"]["url"].endswith("apprise-test.gif")
    assert [file["filename"] for file in shown["attachments"]] == ["apprise-test.gif", "a.txt"]
    assert shown["author"]["username"] == "Apprise"


@pytest.mark.parametrize("link", ["http://grafana/avatar.png", "http://localhost:3000/a.png"])
def test_a_bad_picture_costs_no_alert(discord: Discord, link: str) -> None:
    (shown,) = posted(discord, alert(message="text", avatar_url=link, image=link, thumbnail=link))
    assert in_view([shown]) == "text"


def test_a_title_that_is_too_long_is_cut_and_whole_in_a_file(discord: Discord) -> None:
    (shown,) = posted(discord, alert(title="x" * 300, message="y" * 5_000))
    assert len(shown["embeds"][0]["title"]) <= 256
    assert len(shown["attachments"]) == 1


def test_a_post_is_opened_in_a_forum(discord: Discord) -> None:
    (shown,) = posted(discord, alert(thread_name="post", applied_tags=["1"], message="text"), in_forum=True)
    assert shown["channel_id"] != "2", "it is in a thread of its own"
