"""What users of Apprise, python-discord-webhook, shoutrrr and Alertmanager get from those they get from us.

Nothing is refused, and all is in view.
"""

from typing import Any

import pytest

from notifier.message_parts import Author, MessageFile
from notifier.models import NotificationMessage
from notifier.render.batch import compose
from notifier.render.ornaments import refused_by_form
from notifier.render.split import parts_of
from tests.unit.render.conftest import Discord

PICTURE = "https://example.com/a.png"


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
