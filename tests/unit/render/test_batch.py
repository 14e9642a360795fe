"""Discord takes every batch that is composed, and pings only those who were named."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.message_parts import Author, LinkButton, MessageFile, Poll, PollAnswer
from notifier.models import NotificationMessage
from notifier.render.batch import Payload, as_edit, compose
from notifier.render.load import Load, measure
from notifier.render.ornaments import refused_by_form
from tests.unit.render.discord_rules import total, violations
from tests.unit.render.messages import LOOKS, messages

LINES = "\n".join(f"line {number}" for number in range(1_000))


def alert(**more: Any) -> NotificationMessage:
    return NotificationMessage(**{"title": "T", "timestamp": "2024-01-01T12:00:00Z", **more})


def claimed(queue: list[NotificationMessage]) -> list[list[NotificationMessage]]:
    """Batches as the outbox makes them: the front of the queue, as far as it shares a request."""
    batches: list[list[NotificationMessage]] = []
    loads: list[Load] = []
    for message in queue:
        load = measure(message)
        fits = (
            loads
            and load.batch_key == loads[0].batch_key != ""
            and sum(each.characters for each in [*loads, load]) <= 6000
            and sum(each.embeds for each in [*loads, load]) <= 10
        )
        if fits:
            batches[-1].append(message)
            loads.append(load)
        else:
            batches.append([message])
            loads = [load]
    return batches


@given(messages())
@pytest.mark.slow
def test_discord_takes_any_notification(message: NotificationMessage) -> None:
    payload = compose([message])
    assert violations(payload) == []
    json.dumps(payload.body, allow_nan=False)


@pytest.mark.slow
@given(st.data())
def test_discord_takes_any_batch(data: st.DataObject) -> None:
    looks = data.draw(st.fixed_dictionaries(LOOKS))
    small = messages(**{**looks, "username": None, "fields": [], "source": "s", "message": "m"})
    queue = data.draw(st.lists(small, min_size=1, max_size=25))
    for batch in claimed(queue):
        assert violations(compose(batch)) == []


@given(messages())
@pytest.mark.slow
def test_a_load_is_what_discord_counts(message: NotificationMessage) -> None:
    load = measure(message)
    counted = total(compose([message]).body["embeds"][0])
    # with room for the URL and the blank line before it, should it have to be written out
    goes_as_link = message.url and load.batch_key and "url" not in refused_by_form(message)
    spare = len(message.url or "") + (2 if message.message else 0) if goes_as_link else 0
    assert load.characters == counted + spare
    assert load.embeds == 1


def test_alerts_of_one_look_share_a_request_in_order() -> None:
    looks = {"thread_id": "5", "username": "Bot", "avatar_url": "https://a.invalid/", "mentions": ["<@&7>"]}
    batch = [alert(title=str(number), **looks) for number in range(10)]
    assert len({measure(message).batch_key for message in batch}) == 1
    assert measure(batch[0]).batch_key != ""
    payload = compose(batch)
    assert [embed["title"] for embed in payload.body["embeds"]] == [str(number) for number in range(10)]
    assert payload.body["content"] == "<@&7>"
    assert (payload.body["username"], payload.body["avatar_url"], payload.thread_id) == (
        "Bot",
        "https://a.invalid/",
        "5",
    )


@pytest.mark.parametrize(
    "other",
    [{"thread_id": "5"}, {"username": "Bot"}, {"avatar_url": "https://a.invalid/"}, {"mentions": ["<@1>"]}],
    ids=lambda other: next(iter(other)),
)
def test_alerts_that_differ_in_what_a_message_has_once_do_not_share(other: dict[str, Any]) -> None:
    assert measure(alert(**other)).batch_key not in ("", measure(alert()).batch_key)


def test_the_batch_key_is_the_same_in_every_process() -> None:
    assert measure(alert()) == Load(1, 1, "594601f5a1dc")


def test_alerts_whose_url_has_to_be_written_out_still_fit_together() -> None:
    url = "https://one.invalid/" + "x" * 1_000
    batches = claimed([alert(url=url, message="m" * 2_400) for _ in range(4)])
    assert [violations(compose(batch)) for batch in batches] == [[]] * len(batches)


def test_an_alert_with_a_file_rides_alone() -> None:
    assert measure(alert(message="x" * 4097)).batch_key == ""
    assert measure(alert(message="x" * 4096)).batch_key != ""


def test_a_plain_alert_allows_no_mention_and_has_no_other_key() -> None:
    assert compose([alert()]).body == {
        "embeds": [{"title": "T", "color": 0x2ECC71, "timestamp": "2024-01-01T12:00:00Z"}],
        "allowed_mentions": {"parse": []},
    }


@pytest.mark.parametrize(
    ("mentions", "allowed"),
    [
        ([], {"parse": []}),
        (["@everyone"], {"parse": ["everyone"]}),
        (["@here"], {"parse": ["everyone"]}),
        (["<@&2>", "<@&1>", "<@&2>"], {"parse": [], "roles": ["1", "2"]}),
        (["<@!3>", "<@4>", "<@3>"], {"parse": [], "users": ["3", "4"]}),
        (["@here", "<@&1>", "<@3>"], {"parse": ["everyone"], "roles": ["1"], "users": ["3"]}),
    ],
)
def test_only_those_who_are_named_are_pinged(mentions: list[str], allowed: dict[str, Any]) -> None:
    body = compose([alert(mentions=mentions)]).body
    assert body["allowed_mentions"] == allowed
    assert body.get("content", "").split() == [each.replace("!", "") for each in mentions]


@given(messages(mentions=[], username=None))
@settings(max_examples=50, deadline=None)
def test_text_never_reaches_the_content(message: NotificationMessage) -> None:
    body = compose([message]).body
    assert "content" not in body
    assert body["allowed_mentions"] == {"parse": []}


def test_of_two_alerts_with_one_url_discord_shows_both_and_each_has_its_link() -> None:
    one, other = "https://one.invalid/run", "https://other.invalid/"
    batch = [
        alert(url=url, message=text)
        for url, text in ((one, "a"), (one, "b"), (other, ""), (one, ""), (other[:-1], "c"))
    ]
    assert len({measure(message).batch_key for message in batch}) == 1
    told = [(embed.get("url"), embed.get("description")) for embed in compose(batch).body["embeds"]]
    assert told == [(one, "a"), (None, f"b\n\n{one}"), (other, None), (None, one), (None, f"c\n\n{other[:-1]}")]


def test_an_alert_without_room_for_its_url_in_the_text_rides_alone() -> None:
    url = "https://one.invalid/"
    assert measure(alert(url=url, message="x" * (4096 - 2 - len(url)))).batch_key != ""
    assert measure(alert(url=url, message="x" * (4096 - 2 - len(url) + 1))).batch_key == ""


def test_a_file_is_announced_by_its_number() -> None:
    payload = compose([alert(id="a:b", message="x" * 5_000)])
    assert payload.body["attachments"] == [{"id": 0, "filename": "t-a-b.txt"}]
    assert [file.name for file in payload.files] == ["t-a-b.txt"]


def test_a_repr_does_not_spill_the_file() -> None:
    assert "xxx" not in repr(compose([alert(message="x" * 5_000)]).files)


def test_no_alert_makes_no_payload() -> None:
    with pytest.raises(ValueError, match="no notification"):
        compose([])


def test_the_checker_objects_to_what_discord_objects_to() -> None:
    """Otherwise the tests above would prove nothing."""
    good = compose([alert()]).body
    embed = good["embeds"][0]
    bad: list[dict[str, Any]] = [
        {"embeds": []},
        {"embeds": [embed] * 11},
        {"embeds": [{**embed, "url": "https://a.invalid"}] * 2},
        {"embeds": [{**embed, "title": "x" * 257}]},
        {"embeds": [{**embed, "title": " \x1f "}]},
        {"embeds": [{**embed, "description": "x" * 4096}] * 2},
        {"embeds": [{**embed, "fields": [{"name": "n", "value": "v", "inline": False}] * 26}]},
        {"embeds": [{**embed, "fields": [{"name": "n", "value": "", "inline": False}]}]},
        {"embeds": [{**embed, "footer": {"text": "x" * 2049}}]},
        {"embeds": [{**embed, "url": ""}]},
        {"embeds": [{**embed, "color": 2**24}]},
        {"embeds": [{**embed, "timestamp": "2024-01-01T12:00:00"}]},
        {"content": "x" * 2001},
        {"username": "Discord"},
        {"allowed_mentions": {"users": ["1"]}},
        {"allowed_mentions": {"parse": ["users"]}},
        {"allowed_mentions": {"parse": [], "users": [str(2**63)]}},
        {"attachments": [{"id": 0, "filename": "none"}]},
    ]
    assert [change for change in bad if violations(Payload({**good, **change})) == []] == []


def test_a_name_of_a_post_is_the_callers_or_else_the_first_title_and_none_in_a_thread_that_is_there() -> None:
    first, second = alert(title="first"), alert(title="second")
    assert "thread_name" not in compose([first]).body
    assert compose([first], in_forum=True).body["thread_name"] == "first"
    assert compose([first, second], in_forum=True).body["thread_name"] == "first (+1)"
    assert compose([alert(thread_name="given")], in_forum=True).body["thread_name"] == "given"
    assert "thread_name" not in compose([alert(thread_name="given", thread_id="5")], in_forum=True).body


def test_what_belongs_to_one_alert_alone_goes_alone() -> None:
    alone = {
        "content": "above",
        "suppress_embeds": True,
        "files": [MessageFile(name="a.txt", content="a")],
        "buttons": [LinkButton(label="a", url="https://a.invalid/")],
        "poll": Poll(question="q", answers=[PollAnswer(text="a")]),
        "thread_name": "post",
        "applied_tags": ["1"],
    }
    for name, value in alone.items():
        assert measure(alert(**{name: value})).batch_key == "", name
    keys = {measure(alert(**more)).batch_key for more in ({}, {"tts": True}, {"silent": True})}
    assert len(keys - {""}) == 3


def test_of_everyone_and_here_only_the_one_that_is_named_pings() -> None:
    body = compose([alert(content="tell @everyone and @here", mentions=["@here"])]).body
    assert body["content"] == "@here tell @\u200beveryone and @here"
    assert compose([alert(content="tell @everyone")]).body["content"] == "tell @\u200beveryone"


def test_an_alert_without_an_embed_stands_in_the_content() -> None:
    assert compose([alert(message="text", suppress_embeds=True)]).body["content"] == "T\ntext"
    assert compose([alert(message="text", suppress_embeds=True, content="own")]).body["content"] == "own\nT\ntext"
    parts: dict[str, Any] = {
        "author": {"name": "who"},
        "message": "text",
        "traceback": "Traceback",
        "fields": {"Rack": "*7*", "a_b": 1},
        "url": "https://example.com/",
        "source": "service",
    }
    body = compose([alert(suppress_embeds=True, mentions=["@here"], **parts)], ["late"]).body
    assert body["content"] == (
        "@here who\nT\ntext\n\n```py\nTraceback\n```\n**Rack**: *7*\n**a_b**: 1\nhttps://example.com/\nservice · late"
    )


@pytest.mark.parametrize(
    "more",
    [{}, {"mentions": ["@here"]}, {"content": "x" * 5_000}, {"fields": {"a": "x" * 5_000}}, {"title": "T" * 900}],
)
def test_one_without_an_embed_says_in_the_content_where_all_of_it_is(more: dict[str, Any]) -> None:
    body, (file,) = (payload := compose([alert(message=LINES, suppress_embeds=True, **more)])).body, payload.files
    assert "T" in body["content"].split("\n")[0]
    assert body["content"].endswith(f"\n\nCut here; the whole alert is in the file `{file.name}`.")
    assert 1_500 < len(body["content"]) <= 2_000
    assert LINES.strip() in file.content.decode()


def test_of_a_traceback_without_an_embed_the_end_is_in_view() -> None:
    payload = compose([alert(message="text", traceback=f"{LINES}\nlast line", suppress_embeds=True)])
    assert payload.body["content"].startswith("T\ntext\n\nThe beginning is cut")
    assert payload.body["content"].endswith("last line\n```")


def test_buttons_that_discord_does_not_take_are_links_in_the_text() -> None:
    many = [LinkButton(label=str(number), url="https://a.invalid/") for number in range(26)]
    long = LinkButton(label="long", url="https://a.invalid/" + "x" * 600)
    payload = compose([alert(buttons=[*many, long])])
    assert [len(row["components"]) for row in payload.body["components"]] == [5] * 5
    assert payload.body["embeds"][0]["description"].splitlines() == ["25: https://a.invalid/", f"long: {long.url}"]
    left = compose([alert(buttons=many[:1])], [""], [{"components"}])
    assert left.body["embeds"][0]["description"] == "0: https://a.invalid/"


def test_files_have_names_that_discord_leaves_as_they_are_and_each_its_own() -> None:
    files = [MessageFile(name=name, content=b"a") for name in ("a b.txt", "a_b.txt", "..", "ä.png", "x" * 300 + ".log")]
    payload = compose([alert(files=files, image="ä.png")])
    names = [file.name for file in payload.files]
    assert names[:4] == ["a_b.txt", "a_b-2.txt", "file", "_.png"]
    assert names[4].endswith("x.log")
    assert payload.body["embeds"][0]["image"]["url"] == "attachment://_.png"
    assert [file.content_type for file in payload.files][2:4] == ["application/octet-stream", "image/png"]


def test_a_poll_that_discord_does_not_take_whole_is_in_the_text_too() -> None:
    def drawn(left_out: frozenset[str] = frozenset(), **poll: Any) -> tuple[Any, Any]:
        answers = [PollAnswer(text=text) for text in poll.pop("answers")]
        body = compose([alert(poll=Poll(question="Q", answers=answers, **poll))], [""], [left_out]).body
        return body.get("poll"), body["embeds"][0].get("description")

    fits, text = drawn(answers=["a", "b"], hours=10**9)
    assert (fits["duration"], [each["poll_media"]["text"] for each in fits["answers"]], text) == (768, ["a", "b"], None)
    assert drawn(frozenset({"poll"}), answers=["a", "b"]) == (None, "Q\n- a\n- b")
    assert drawn(answers=[]) == (None, "Q"), "it has no answer"
    cut, text = drawn(answers=["x" * 56])
    assert len(cut["answers"][0]["poll_media"]["text"]) == 55
    assert text == "Q\n- " + "x" * 56
    many, text = drawn(answers=[str(number) for number in range(11)])
    assert len(many["answers"]) == 10
    assert text.endswith("- 10")


def test_an_emoji_that_is_none_costs_no_button_and_no_poll() -> None:
    def drawn(emoji: str) -> Any:
        button = LinkButton(label="a", url="https://a.invalid/", emoji=emoji)
        poll = Poll(question="q", answers=[PollAnswer(text="a", emoji=emoji)])
        body = compose([alert(buttons=[button], poll=poll)]).body
        found = body["components"][0]["components"][0].get("emoji")
        assert body["poll"]["answers"][0]["poll_media"].get("emoji") == found
        return found

    for own in ("<:fire:12>", "<a:fire:12>"):
        assert drawn(own) == {"id": "12", "name": "fire"}
    assert drawn("12") == {"id": "12", "name": None}
    for one in ("\N{FIRE}", "\N{WOMAN}\u200d\N{ROCKET}", "1\ufe0f\u20e3", "\N{REGIONAL INDICATOR SYMBOL LETTER D}" * 2):
        assert drawn(one) == {"id": None, "name": one}
    assert [drawn(none) for none in (":fire:", "abc", "1", "\N{FIRE} hot", "9" * 19)] == [None] * 5


def test_a_name_that_is_cut_is_whole_in_the_text() -> None:
    long = "x" * 257
    for more in ({"author": Author(name=long)}, {"thread_name": long}):
        assert long in compose([alert(**more)]).body["embeds"][0]["description"]


def test_a_post_has_a_name_though_nothing_is_left_of_the_one_that_was_given() -> None:
    blank = "\x1f"  # which Python and Discord strip, and pydantic does not
    assert compose([alert(thread_name=blank)], in_forum=True).body["thread_name"] == "T"
    assert compose([alert(title=blank)], in_forum=True).body["thread_name"] == "General"


def test_a_type_that_is_none_is_guessed_by_the_name_and_ends_no_header() -> None:
    def sent(said: str) -> str:
        file = MessageFile(name="a.png", content=b"a", content_type=said)
        return compose([alert(files=[file])]).files[0].content_type

    assert sent("text/plain; charset=utf-8") == "text/plain; charset=utf-8"
    assert [sent(said) for said in ("a/b\r\nX: y", "image", "\N{FIRE}/a")] == ["image/png"] * 3


def test_a_picture_goes_with_the_file_that_it_is() -> None:
    full = alert(files=[MessageFile(name="a.png", content=b"a")], image="a.png", thumbnail="https://a.invalid/b.png")
    (embed,) = compose([full], [""], [{"attachments"}]).body["embeds"]
    assert ("image" in embed, embed["thumbnail"]["url"]) == (False, "https://a.invalid/b.png")


def test_an_edit_pings_nobody_and_its_files_take_the_place_of_those_that_are_there() -> None:
    posted = compose([alert(content="look", mentions=["@here", "<@5>"], silent=True, username="Bot")])
    edit = as_edit(posted, keeps_files=False)
    assert edit.body["allowed_mentions"] == {"parse": []}
    assert edit.body["embeds"] == posted.body["embeds"]
    assert edit.body["attachments"] == []
    assert edit.body.keys() == {"embeds", "allowed_mentions", "attachments"}, "the rest stays as it was posted"
    assert "attachments" not in as_edit(posted, keeps_files=True).body
    with_file = compose([alert(files={"a.txt": "a"})])
    assert as_edit(with_file, keeps_files=False).body["attachments"] == with_file.body["attachments"]


@pytest.mark.parametrize("title", ["x", "x" * 256, "x" * 257])
@pytest.mark.parametrize("text", ["", "x", " x ", "\x1f", "x" * 4_096, "x" * 4_097])
@pytest.mark.parametrize("source", [None, "x", "x" * 1_648, "x" * 1_649, "x" * 2_048, "x" * 2_049])
def test_an_alert_of_text_alone_has_the_size_of_its_embed(title: str, text: str, source: str | None) -> None:
    message = alert(title=title, source=source).model_copy(update={"message": text})
    rendered = message.model_copy(update={"silent": False})  # named, so its embed is made
    assert measure(message) == measure(rendered)
