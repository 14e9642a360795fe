"""Any message becomes a request that Discord takes: by the rules of the sandbox, which share no code with ours.

Each is read from its bytes, so what the encoding does to names and types is tried as well.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.outcome import Delivered
from notifier.render.batch import Payload, compose
from notifier.render.limits import EMBEDS_MAX, EMBEDS_TOTAL_CHARACTERS_MAX
from notifier.render.load import measure
from notifier.render.ornaments import ornaments, refused_by_form
from tests.unit.render.conftest import Discord
from tests.unit.render.discord_rules import violations
from tests.unit.render.messages import EXTRAS, messages


@pytest.mark.slow
@given(st.data())
def test_any_message_is_taken_as_it_is_and_without_any_of_its_ornaments(discord: Discord, data: st.DataObject) -> None:
    message = data.draw(messages(**EXTRAS))
    in_forum = data.draw(st.booleans())
    left_out = refused_by_form(message) | (frozenset() if in_forum else {"thread_name"})
    check(discord, compose([message], [""], [left_out], in_forum=in_forum), in_forum)
    # the name of a post is none in a forum
    some = data.draw(st.sets(st.sampled_from(sorted(ornaments(message) - {"thread_name"}))))
    check(discord, compose([message], [""], [left_out | some], in_forum=in_forum), in_forum)


@pytest.mark.slow
@given(st.data())
def test_any_that_may_share_a_request_are_taken_together(discord: Discord, data: st.DataObject) -> None:
    same = {name: st.just(data.draw(EXTRAS[name])) for name in ("tts", "silent")}
    some = {name: EXTRAS[name] for name in ("author", "thumbnail", "image", "footer_icon", "traceback")}
    one = data.draw(messages(**same, **some))
    look = {name: st.just(getattr(one, name)) for name in ("username", "avatar_url", "thread_id", "mentions")}
    batch, room = [one], EMBEDS_TOTAL_CHARACTERS_MAX - measure(one).characters
    for each in data.draw(st.lists(messages(**same, **some, **look), max_size=EMBEDS_MAX - 1)):
        load = measure(each)
        if load.batch_key and load.batch_key == measure(one).batch_key and load.characters <= room:
            batch.append(each)
            room -= load.characters
    in_forum = data.draw(st.booleans())
    check(discord, compose(batch, in_forum=in_forum), in_forum)


def check(discord: Discord, payload: Payload, in_forum: bool) -> None:
    answer, shown = discord.post(payload, in_forum=in_forum)
    assert discord.refused is None
    assert isinstance(answer.outcome, Delivered)
    assert violations(payload) == []
    names = [file["filename"] for file in shown["attachments"]]
    assert names == [file.name for file in payload.files], "as Discord leaves them"
    assert len(set(names)) == len(names)
    sent = [(file.filename, file.content_type, file.data) for file in discord.uploads]
    assert sent == [(file.name, file.content_type, file.content) for file in payload.files]
    for embed in payload.body["embeds"]:
        pictures = [embed[key]["url"] for key in ("image", "thumbnail") if key in embed]
        assert {url.removeprefix("attachment://") for url in pictures if url.startswith("attachment://")} <= set(names)
