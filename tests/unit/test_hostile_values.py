"""Any value in any field is delivered: read in bounded time, read again as the same, taken by Discord's rules."""

import itertools
import os
from decimal import Decimal
from typing import Any

import pytest

from notifier.models import MESSAGE_BYTES_MAX, NotificationMessage
from notifier.outbox.preparation import prepare
from notifier.render.batch import compose
from notifier.render.ornaments import refused_by_form
from notifier.render.split import parts_of
from notifier.settings import Settings
from tests.hostile_classes import Endless
from tests.hostile_values import hostile_values, huge_values
from tests.unit.render.conftest import Discord, discord
from tests.unit.render.discord_rules import violations

__all__ = ["discord"]

NAMES = [*sorted(NotificationMessage.model_fields.keys() - {"id", "alert_type"}), "exception", "exc_info"]


def alert(**more: Any) -> NotificationMessage:
    return NotificationMessage(**{"title": "T", **more})


def again(message: NotificationMessage) -> NotificationMessage:
    """As the worker reads it."""
    return NotificationMessage.model_validate_json(message.model_dump_json())


def check(discord: Discord, given: dict[str, Any], settings: Settings, *, in_forum: bool) -> None:
    message = prepare(alert(**given), settings)
    assert again(message) == message, "what is stored is read as the same"
    for part in parts_of(message):
        left_out = refused_by_form(part) | (frozenset() if in_forum else {"thread_name"})
        payload = compose([part], [""], [left_out], in_forum=in_forum)
        discord.post(payload, in_forum=in_forum)
        assert discord.refused is None
        assert violations(payload) == []


def test_any_value_in_some_field_is_delivered(discord: Discord) -> None:
    """Each field with many values, and many values in one field; all in all of them is the next test."""
    settings, names, forums = Settings(), itertools.cycle(NAMES), itertools.cycle((False, True))
    for value in itertools.islice(hostile_values(), 0, None, 5):
        check(discord, {next(names): value}, settings, in_forum=next(forums))


@pytest.mark.slow
def test_each_of_a_thousand_values_and_nightly_of_two_is_delivered_from_all_fields_at_once(discord: Discord) -> None:
    settings, count, step = Settings(), 0, 1 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 2
    for value in itertools.islice(hostile_values(), 0, None, step):
        count += 1
        check(discord, dict.fromkeys(NAMES, value), settings, in_forum=count % 3 == 0)
    assert count >= 2_000 / step


@pytest.mark.slow
def test_values_without_an_end_and_too_large_ones_are_delivered(discord: Discord) -> None:
    settings, names = Settings(), itertools.cycle(NAMES)
    for value in huge_values():
        check(discord, {next(names): value}, settings, in_forum=True)


def test_a_mapping_that_does_not_end_is_taken_as_far_as_it_is_read() -> None:
    message = alert(fields=Endless())
    assert len(message.fields) == 10_000
    assert message.adjusted == ("fields: only the first 10000",)
    assert alert(fields=[{"name": "n", "value": 1}] * 10_001).adjusted == message.adjusted


@pytest.mark.slow
def test_ten_thousand_long_fields_are_carried_and_the_longest_is_shortened_most() -> None:
    fields = {str(number): "x" * 2_000 for number in range(9_998)} | {"short": "whole", "long": "y" * 3_000_000}
    message = alert(message="the message", fields=fields)
    assert len(message.fields) == 10_000
    assert message.message == "the message"
    values = {each.name: each.value for each in message.fields}
    assert values["short"] == "whole"
    assert len(values["long"]) == len(values["0"]) > 500
    assert message.adjusted == ("fields: the longest shortened",)
    assert MESSAGE_BYTES_MAX * 3 // 4 < len(message.model_dump_json().encode()) <= MESSAGE_BYTES_MAX
    assert again(message) == message


def test_a_file_stays_when_a_text_beside_it_is_too_long() -> None:
    message = alert(message="é" * 5_000_000, files=[b"x" * 3_000_000])
    assert len(message.files) == 1
    assert len(message.message) > 1_500_000
    assert message.adjusted == ("message: shortened",)


def test_many_large_structures_are_read_as_far_as_one_alert_reaches() -> None:
    wide = list(range(9_000))
    message = alert(fields=[{"name": str(number), "value": wide} for number in range(2_000)])
    assert len(message.fields) == 2_000
    assert message.fields[0].value.endswith("\n8999")
    assert message.fields[-1].value == "…"
    assert message.adjusted == ("fields: too large or too deep: '…' stands for a part",)


def test_a_colour_is_decided_without_its_digits() -> None:
    assert alert(color=Decimal("1e999999999")).adjusted == ("color: left out: no colour",)


def test_metadata_of_any_depth_and_width_is_read_again_as_the_same() -> None:
    deep: Any = "x"
    for _ in range(40):
        deep = [{"a": deep}]
    for value in (deep, [list(range(3_000))] * 9, {"a": {"b": ["x" * 3_000_000] * 5}}):
        message = alert(metadata=value)
        assert again(message) == message
    assert alert(metadata=deep).adjusted[-1] == "metadata: too large or too deep: '…' stands for a part"


def test_a_list_of_mappings_without_name_and_value_is_a_field_for_each_of_their_items() -> None:
    fields = alert(fields=[{"Host": "db1", "Port": 5}, {}, None, ("a", "b")]).fields
    assert [(each.name, each.value) for each in fields if each.name != "–"] == [
        ("Host", "db1"),
        ("Port", "5"),
        ("a", "b"),
    ]


def test_an_unknown_part_of_a_field_is_named_with_the_nearest_one() -> None:
    with pytest.raises(ValueError, match=r"^fields.0.inlin: not a part of fields; inline\?$"):
        alert(fields=[{"name": "a", "value": "b", "inlin": True}])


def test_an_exception_as_the_value_of_a_field_brings_its_traceback() -> None:
    try:
        raise KeyError("missing")
    except KeyError as error:
        message = alert(fields={"Why": error, "Other": ValueError("never raised")})
    assert message.fields[0].value == "KeyError: 'missing'"
    assert str(message.traceback).startswith("Traceback (most recent call last):")


def test_broken_characters_are_replaced_and_said() -> None:
    message = alert(title="a\ud800", message=b"\xff", source="a\ufffd", fields={"n\ud800": "v\ud800", "ok": "ok"})
    assert (message.title, message.message, message.fields[0].name) == ("a\ufffd", "\ufffd", "n\ufffd")
    assert message.adjusted == tuple(f"{name}: broken characters replaced" for name in ("title", "message", "fields"))
    assert again(message) == message


@pytest.mark.parametrize("value", ["0042", "٤٢"])
def test_an_id_is_written_as_discord_writes_it(value: str) -> None:
    assert alert(thread_id=value).thread_id == ("42" if value.isascii() else None)
