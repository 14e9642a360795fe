"""What is left out of an alert is not in its request, and its link stays as text."""

import pytest

from notifier.message_parts import Author
from notifier.models import NotificationMessage
from notifier.render.batch import compose
from notifier.render.load import measure
from notifier.render.notes import note
from notifier.render.ornaments import OF_EMBED, OF_MESSAGE, is_well_formed, ornament_of, ornaments, refused_by_form
from tests.unit.render.discord_rules import violations

LINK = "https://example.com/a.png"
MESSAGE = NotificationMessage(
    title="T",
    message="text",
    **dict.fromkeys(("url", "avatar_url"), LINK),
    username="name",
    source="some service",
    mentions=["@here"],
    fields={"name": "value"},
)


def parts(body: dict[str, object]) -> set[str]:
    """The paths of a request with one embed."""
    embeds = body["embeds"]
    assert isinstance(embeds, list)
    return {*body, *embeds[0]}


@pytest.mark.parametrize("name", ["username", "avatar_url", "url", "color", "timestamp", "fields", "footer"])
def test_what_is_left_out_is_not_sent_and_all_else_is(name: str) -> None:
    everything = parts(compose([MESSAGE]).body)
    assert parts(compose([MESSAGE], [""], [{name}]).body) - {"attachments"} == everything - {name}


@pytest.mark.parametrize("name", ["fields", "footer"])
def test_text_that_is_left_out_is_in_the_file(name: str) -> None:
    payload = compose([MESSAGE], [""], [{name}])
    text = payload.files[0].content.decode()
    assert "name:\nvalue" in text
    assert "Source: some service" in text
    assert violations(payload) == []


NOTE = note(maybe_posted=True)


@pytest.mark.parametrize("source", ["some service", "s" * 2_048, ""])
@pytest.mark.parametrize("left_out", [{"footer"}, {"footer", "fields"}, OF_EMBED | OF_MESSAGE])
def test_what_we_say_of_an_alert_stays_where_its_source_is_left_out(source: str, left_out: set[str]) -> None:
    payload = compose([MESSAGE.model_copy(update={"source": source})], [NOTE], [left_out])
    assert payload.body["embeds"][0]["footer"] == {"text": NOTE}
    assert violations(payload) == []


def test_embeds_are_shown_where_the_text_in_their_place_is_left_out() -> None:
    message = MESSAGE.model_copy(update={"suppress_embeds": True})
    assert "content" in ornaments(message)
    assert {"content", "flags"} <= compose([message]).body.keys()
    assert not {"content", "flags"} & compose([message], [""], [{"content"}]).body.keys()


def test_a_link_that_is_left_out_stays_as_text() -> None:
    (embed,) = compose([MESSAGE], [""], [{"url"}]).body["embeds"]
    assert embed["description"] == f"text\n\n{LINK}"


def test_what_one_of_a_request_leaves_out_of_it_all_do() -> None:
    other = MESSAGE.model_copy(update={"id": "other"})
    body = compose([MESSAGE, other], ["", ""], [(), {"avatar_url", "allowed_mentions", "color"}]).body
    assert "avatar_url" not in body
    assert body["allowed_mentions"] == {"parse": []}, "always sent"
    assert ["color" in embed for embed in body["embeds"]] == [True, False]


def test_all_that_can_be_left_out_leaves_a_title_and_a_text() -> None:
    payload = compose([MESSAGE], [""], [OF_EMBED | OF_MESSAGE])
    assert payload.body["embeds"][0].keys() == {"title", "description"}
    assert violations(payload) == []


@pytest.mark.parametrize(
    ("part", "name"),
    [
        *[("image.url", "image"), ("author.icon_url", "author.icon_url"), ("author.name", "author")],
        *[("footer.text", "footer"), ("fields.3.value", "fields"), ("username", "username")],
        *[("allowed_mentions.users.0", "allowed_mentions"), ("title", None), ("description", None), ("", None)],
        ("embeds", None),
    ],
)
def test_a_part_belongs_to_an_ornament_or_to_none(part: str, name: str | None) -> None:
    assert ornament_of(part) == name


@pytest.mark.parametrize(
    "url", ["http://grafana:3000/d/1", "http://localhost/", "http://[::1", "https://?q=1", "https://#", "http://a.b@c/"]
)
def test_what_discord_is_known_to_refuse_is_known_here(url: str) -> None:
    assert not is_well_formed(url)


@pytest.mark.parametrize("url", [LINK, "http://10.0.0.1:3000/d/1", "https://user@example.com/?q=1", "http://[::1]/"])
def test_what_discord_may_take_is_sent(url: str) -> None:
    assert is_well_formed(url)


def test_a_link_to_a_host_without_a_dot_is_sent_as_text_and_counted_so() -> None:
    message = NotificationMessage(title="T", message="x" * 4_080, url="http://grafana:3000/d/1")
    assert refused_by_form(message) == {"url"}
    assert measure(message).batch_key == "", "the text with the link is longer than an embed's"
    (embed,) = compose([message]).body["embeds"]
    assert "url" not in embed


def test_every_kind_of_link_is_looked_at() -> None:
    local = "http://localhost/a.png"
    message = NotificationMessage(
        title="T",
        author=Author(name="A", url=local, icon_url=local),
        **dict.fromkeys(("url", "image", "thumbnail", "footer_icon", "avatar_url"), local),
    )
    links = {"avatar_url", "url", "image", "thumbnail", "author.url", "author.icon_url", "footer.icon_url"}
    assert refused_by_form(message) == links
