"""What a record keeps of long texts: beginnings, within a bound in bytes, and it says so."""

import json
from typing import Any

import pytest

from notifier.message_parts import Author, LinkButton, MessageFile, Poll, PollAnswer
from notifier.models import NotificationMessage
from notifier.outbox.excerpt import MARK, PARTS_MAX, beginning, excerpt, shortened, size
from notifier.outbox.record import record
from notifier.outcome import Status

LIMIT = 4_096
FIELD = {"name": "n" * 900, "value": "v" * 100_000}


def fields_of(**given: Any) -> dict[str, Any]:
    """The fields of a message, as JSON."""
    return NotificationMessage(**{"title": "T"} | given).model_dump(mode="json", exclude_defaults=True)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"message": "x" * LIMIT},
        {"message": "é" * (LIMIT // 2), "source": "s", "fields": {"a": "v" * 3_000}, "metadata": {"replay_of": "a"}},
    ],
)
def test_what_is_short_is_kept_as_it_is(given: dict[str, Any]) -> None:
    fields = fields_of(**given)
    assert excerpt(fields, LIMIT) == (fields, None)
    assert "cut_from_bytes" not in record(
        NotificationMessage(**fields), Status.DELIVERED, admitted_at="", finished_at=""
    )


@pytest.mark.parametrize("character", ["x", "é", "€", "🔥"])
def test_of_a_long_text_the_first_bytes_are_kept_whole_characters_of_them_and_it_says_so(character: str) -> None:
    text = ("a" + character * 300_000)[:300_000]
    kept, cut_from = excerpt(fields_of(message=text), LIMIT)
    shown, _, told = kept["message"].partition("…")
    assert text.startswith(shown)
    assert LIMIT - 4 < len(shown.encode()) <= LIMIT
    assert told == f"\n[the first {LIMIT} of {len(text.encode())} bytes are kept]"
    assert kept["title"] == "T"
    assert cut_from is not None
    assert cut_from >= len(text.encode())


def test_a_record_says_how_long_the_texts_were() -> None:
    message = NotificationMessage(title="T", message="x" * 10_000)
    ended = record(message, Status.DELIVERED, admitted_at="", finished_at="", text_bytes_max=100)
    assert 10_000 < ended["cut_from_bytes"] < 10_100
    assert ended["message"]["message"].startswith("x" * 100 + "…")


@pytest.mark.parametrize(
    "given",
    [
        {"title": "t" * 10_000, "source": "s" * 10_000},
        {"fields": [FIELD] * 80},
        {"fields": [{"name": "short", "value": "v"}, *[FIELD] * 60]},
        {"metadata": {"traceback": "x" * 7_000_000, "host": "db1"}},
        {"metadata": {f"key {number}": number for number in range(100_000)}},
        {"message": "🔥" * 500_000, "fields": [FIELD] * 50, "metadata": {"host": "db1", "deep": {"a": ["b"] * 9_999}}},
    ],
)
def test_whatever_is_long_all_that_is_kept_is_short_and_still_a_message(given: dict[str, Any]) -> None:
    kept, cut_from = excerpt(fields_of(**given), LIMIT)
    assert cut_from is not None
    overhead = PARTS_MAX * len(json.dumps({"name": "", "value": "…"})) + 1_000
    assert size(kept) <= 2 * LIMIT + overhead
    message = NotificationMessage.model_validate(kept)
    assert len(message.fields) <= PARTS_MAX
    if "host" in given.get("metadata", {}):
        assert message.metadata == {"host": "db1"}, "short parts are kept whole"
    if given.get("fields", [{}])[0].get("name") == "short":
        assert (message.fields[0].name, message.fields[0].value) == ("short", "v")


def test_a_text_that_is_short_enough_has_no_mark() -> None:
    assert (beginning("abc", 3), beginning("abc", 2), beginning("é", 1), beginning("", 0)) == ("abc", "ab…", "…", "")


@pytest.mark.parametrize(
    "given",
    [
        {"a": 1, "text": "x" * 50_000},
        {"a": 1, "deep": {"text": ["x" * 50_000]}, "text": "🔥" * 50_000},
        {"a": 1, **{f"field {number}": "y" for number in range(10_000)}},
        {"a": 1, "n" * 50_000: "y"},
    ],
)
def test_fields_of_any_form_are_shortened_to_a_bound(given: dict[str, Any]) -> None:
    kept = shortened(given, LIMIT)
    assert size(kept) <= LIMIT + 100
    assert kept["a"] == 1
    assert "text" not in given or len(kept["text"]) > LIMIT / 20


def test_of_a_field_as_much_is_kept_as_there_is_room_for_beside_its_name() -> None:
    room = size({"text": MARK})
    assert shortened({"text": "x" * 99}, room) == {}
    assert shortened({"text": "x" * 99}, room + 1) == {"text": "x" + MARK}


LONG = "x" * 9_000
EACH: dict[str, Any] = {
    "title": LONG,
    "source": LONG,
    "content": LONG,
    "traceback": LONG,
    "thread_name": LONG,
    "author": Author(name=LONG),
    "poll": Poll(question=LONG, answers=[PollAnswer(text=LONG)] * 20),
    "buttons": [LinkButton(label=LONG, url="https://example.com/")] * 9,
    "files": [MessageFile(name=LONG, content="")] * 9,
    "fields": {"a": LONG},
    "metadata": {"a": LONG},
}


@pytest.mark.parametrize("name", [*EACH, "all"])
def test_no_part_is_kept_beyond_the_bound(name: str) -> None:
    given = EACH if name == "all" else {name: EACH[name]}
    kept, cut_from = excerpt(fields_of(**given), LIMIT)
    assert size(kept) < 2 * LIMIT + 1_000
    assert cut_from is not None


def test_small_parts_are_kept_beside_a_long_text() -> None:
    small = {"content": "above", "buttons": [LinkButton(label="a", url="https://example.com/")]}
    whole = fields_of(message="x" * 9_000, **small)
    kept, _ = excerpt(whole, LIMIT)
    assert {name: kept[name] for name in small} == {name: whole[name] for name in small}
