"""A notification that is split is all there, in order, and each part is within the limits of one request."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.models import NotificationMessage
from notifier.render.batch import compose
from notifier.render.embeds import uncut
from notifier.render.limits import POLL_QUESTION_CHARACTERS_MAX
from notifier.render.split import fits_in_parts, parts_of
from tests.unit.render.discord_rules import violations
from tests.unit.render.messages import messages

NOTE = "n" * 200
LINES = "\n".join(f"{number:>4} " + "x" * 60 for number in range(160))


def alert(**more: Any) -> NotificationMessage:
    return NotificationMessage(**{"id": "a1", "title": "T", "long_text": "split", **more})


def squeezed(text: str) -> str:
    """Without what may change at a cut: space, and the fences of code blocks."""
    return re.sub(r"[\s`\u200b\x1c-\x1f]+|(?<=```)py\b", "", text)


def shown(parts: list[NotificationMessage]) -> str:
    """All that the parts show, in order."""
    texts = []
    for part in parts:
        (embed,) = compose([part]).body["embeds"]
        texts += [embed.get("description", ""), *(text for each in embed.get("fields", ()) for text in each.values())]
        texts.append(embed.get("footer", {}).get("text", ""))
    return "".join(text for text in texts if isinstance(text, str))


@given(messages(long_text="split"))
@pytest.mark.slow
def test_discord_takes_every_part_and_none_needs_a_file(message: NotificationMessage) -> None:
    parts = parts_of(message)
    for part in parts:
        noted = compose([part], [NOTE] if parts[1:] else [])
        assert violations(noted) == []
        assert noted.files == ()
        assert parts_of(part) == [part]


@given(messages(long_text="split", message="", fields=[], source=None, url=None), st.data())
@settings(max_examples=60, deadline=None)
def test_the_parts_hold_all_of_the_text_in_order(message: NotificationMessage, data: st.DataObject) -> None:
    pieces = st.sampled_from(
        ["word ", "line\n", "\n\n", "é", "[a](https://one.invalid/x)", "```py\nx = 1\n```\n", "x" * 90]
    )
    text = "".join(data.draw(st.lists(pieces, min_size=20, max_size=40))) * 12
    parts = parts_of(message.model_copy(update={"message": text}))
    assert squeezed(text) in squeezed(shown(parts))


def test_fields_go_on_in_further_parts_and_long_ones_in_several() -> None:
    fields = [{"name": f"f{n}", "value": f"v{n}", "inline": True} for n in range(30)]
    fields.append({"name": "log", "value": LINES[:2_500], "inline": False})
    parts = parts_of(alert(message="m", fields=fields))
    assert [len(part.fields) for part in parts] == [25, 8]
    assert [each.name for part in parts for each in part.fields] == [
        *(f"f{n}" for n in range(30)),
        *("log (1/3)", "log (2/3)", "log (3/3)"),
    ]
    assert squeezed("".join(each.value for each in parts[1].fields[5:])) == squeezed(LINES[:2_500])


def test_parts_are_numbered_and_what_is_above_the_text_goes_first_and_what_is_below_it_last() -> None:
    message = alert(
        title="Backup failed",
        message=LINES,
        fields={"host": "db1"},
        source="cron",
        url="https://one.invalid/run",
        mentions=["<@&7>"],
        username="Bot",
        image="https://one.invalid/i.png",
        thumbnail="https://one.invalid/t.png",
        author={"name": "A"},
        content="above",
        tts=True,
        silent=True,
        thread_name="Backup",
        applied_tags=["5"],
        poll={"question": "?", "answers": [{"text": "yes"}]},
        buttons=[{"label": "run", "url": "https://one.invalid"}],
    )
    first, middle, last = parts_of(message)
    assert [part.title for part in (first, middle, last)] == [f"Backup failed ({n}/3)" for n in (1, 2, 3)]
    on_top = ("url", "author", "thumbnail", "mentions", "content", "tts", "thread_name", "applied_tags")
    below = ("image", "source", "poll", "buttons")
    for name in on_top:
        assert (getattr(first, name), getattr(middle, name) or None) == (getattr(message, name), None), name
        assert not getattr(last, name)
    for name in below:
        assert (getattr(last, name), getattr(middle, name) or None) == (getattr(message, name), None), name
        assert not getattr(first, name)
    assert [len(part.fields) for part in (first, middle, last)] == [0, 0, 1]
    assert {(part.id, part.colour, part.username, part.silent) for part in (first, middle, last)} == {
        ("a1", message.colour, "Bot", True)
    }


def test_of_a_poll_the_last_part_has_what_discord_takes() -> None:
    question = "q" * 400
    *_, last = parts_of(alert(message=LINES, poll={"question": question, "answers": [{"text": "yes"}]}))
    assert last.poll
    assert question.startswith(last.poll.question.removesuffix("…"))
    assert len(last.poll.question) <= POLL_QUESTION_CHARACTERS_MAX


def test_files_go_with_the_last_part_and_a_picture_with_what_shows_it() -> None:
    files = [{"name": name, "content": b"x"} for name in ("t.png", "i.png", "log.txt")]
    message = alert(message=LINES, files=files).model_copy(update={"thumbnail": "t.png", "image": "i.png"})
    assert [[file.name for file in part.files] for part in parts_of(message)] == [["t.png"], [], ["i.png", "log.txt"]]


@pytest.mark.parametrize(
    "more",
    [{"title": "t" * 400}, {"source": "s" * 4_000}, {"fields": {"n" * 900: "v"}}, {"fields": {"n": "v" * 1_100}}],
    ids=["title", "source", "name", "value"],
)
def test_what_is_too_long_for_its_place_stands_in_the_text(more: dict[str, Any]) -> None:
    message = alert(**more)
    told = shown(parts_of(message))
    (text,) = (text for text in (message.title, message.source, *(t for f in message.fields for t in (f.name, f.value)))
               if text and len(text) > 200)  # fmt: skip
    assert text in squeezed(told).replace("n(1/2)", "").replace("n(2/2)", "").replace("False", "")


def test_a_content_that_is_too_long_stands_in_the_text_and_only_there() -> None:
    parts = parts_of(alert(content="c" * 2_001, message=LINES))
    assert [part.content for part in parts] == [None] * len(parts)
    assert "c" * 2_001 in squeezed(shown(parts))
    assert parts_of(alert(content="c" * 2_000, message=LINES))[0].content == "c" * 2_000


def test_a_code_block_goes_on_in_the_next_part() -> None:
    first, *_ = parts_of(alert(message=f"log:\n```py\n{LINES}\n```"))
    assert first.message.endswith("\n```")
    assert all(part.message.startswith("```py\n") for part in parts_of(alert(message=f"log:\n```py\n{LINES}\n```"))[1:])
    assert parts_of(alert(message="m", traceback=LINES))[1].message.startswith("```py\n")


def test_the_link_has_room_as_text() -> None:
    message = alert(message=LINES, url="http://grafana:3000/" + "d" * 1_500)
    assert [compose([part]).files for part in parts_of(message)] == [()] * len(parts_of(message))
    assert message.url in compose(parts_of(message)[:1]).body["embeds"][0]["description"]


@pytest.mark.parametrize("more", [{}, {"message": LINES, "long_text": None}, {"message": LINES, "long_text": "attach"}])
def test_what_fits_or_is_attached_is_one_part(more: dict[str, Any]) -> None:
    message = alert(**more)
    assert parts_of(message) == [message]


def test_only_so_many_parts_are_made() -> None:
    assert fits_in_parts(alert(message=LINES), 3)
    assert not fits_in_parts(alert(message=LINES), 2)
    assert not fits_in_parts(alert(message="x" * 1_000_000), 10)
    assert len(uncut(alert(message=LINES))["description"]) > 2 * 4_096


def test_where_only_one_request_is_made_the_whole_is_attached() -> None:
    """As by an application that posts itself while Redis is away."""
    (file,) = compose([alert(message=LINES)]).files
    assert LINES.strip() in file.content.decode()


def test_what_discord_draws_no_embed_of_is_not_split() -> None:
    message = alert(message=LINES, suppress_embeds=True)
    assert parts_of(message) == [message]


@pytest.mark.parametrize(
    "place", ["title", "content", "message", "traceback", "source", "author", "thread_name", "fields", "poll"]
)
def test_what_is_far_too_long_is_not_split_to_see_whether_it_fits(monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    monkeypatch.setattr("notifier.render.split.split", lambda _: pytest.fail("split"))
    text = "word " * 20_000
    value = {"fields": {text: "v"}, "poll": {"question": text, "answers": ["a"]}}.get(place, text)
    assert not fits_in_parts(NotificationMessage(**{"title": "T", place: value}), 4)
