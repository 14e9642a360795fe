"""Bad input gets an error that names the field, at the caller; good input is kept as it was meant."""

import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from notifier.errors import InvalidMessage, NotifierError
from notifier.message_parts import COLOURS
from notifier.models import COLOUR_OF, SEVERITY_OF, AlertType, NotificationMessage, Severity
from tests.unit.render.messages import messages

SECRET = "fake-token-that-must-not-show"


def alert(**more: Any) -> NotificationMessage:
    return NotificationMessage(**{"title": "T", **more})


def test_the_guides_basic_usage_makes_a_message() -> None:
    message = NotificationMessage(
        alert_type=AlertType.GENERAL, title="System Update", message="The system has been successfully updated"
    )
    assert (message.alert_type, message.title) == ("general", "System Update")
    assert message.timestamp.tzinfo is UTC
    assert message.id != alert().id


def test_the_six_alert_types_are_those_of_the_guide() -> None:
    assert [kind.name for kind in AlertType] == ["GENERAL", "ERROR", "CRITICAL", "TRACKLIST", "MONITORING", "SECURITY"]
    assert set(SEVERITY_OF) == set(AlertType)
    assert set(COLOUR_OF) == set(Severity)


BAD: list[tuple[str, Any]] = [
    *(("id", value) for value in ("", "a\n", "\x00", "x" * 256)),
    *(("alert_type", value) for value in ("loud", "", None)),
    *(("title", value) for value in ("", " \n", None, "x" * 10_001, ["T"])),
    *[("message", None), ("message", "x" * 1_000_001), ("message", [])],
    *(("severity", value) for value in ("bad", 5)),
    *(("color", value) for value in (-1, 2**24, "pink", "#12345", "12", 1.5, "")),
    *(
        ("url", value)
        for value in ("", "ftp://a", "javascript:alert(1)", "https://", "https://a b", "https://a/" + "x" * 2048)
    ),
    *(("timestamp", value) for value in ("yesterday", None, "2024-13-01T00:00:00Z")),
    ("timestamp", datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))),
    *(("source", value) for value in ("", "x" * 10_001)),
    *(("username", value) for value in ("", "x" * 81, "My Discord Bot", "CLYDE", "everyone", "Here")),
    *(("avatar_url", value) for value in ("attachment://a.png", "https://a/" + "x" * 2048)),
    *(("thread_id", value) for value in ("", "abc", "-1", str(2**63), "²")),
    *(("mentions.0", value) for value in ("@someone", "<@>", f"<@{2**63}>", f"<@&{2**63}>", "<#5>", "everybody")),
    *(("fields.0.name", value) for value in ("", "x" * 1_001, None)),
    *(("fields.0.value", value) for value in ("", " ", "x" * 100_001, None)),
    *(("fields.0.inline", value) for value in ("perhaps", None)),
    *(("fields.0.colour", value) for value in ("red",)),
    ("metadata", None),
    ("metadata", [1]),
    *(("colour", value) for value in ("red",)),
]


def _given(place: str, value: Any) -> dict[str, Any]:
    name, _, part = place.partition(".0")
    if name == "mentions":
        return {name: [value]}
    return {name: [{"name": "n", "value": "v", part[1:]: value}]} if part else {name: value}


@pytest.mark.parametrize(("place", "value"), BAD, ids=[f"{place}-{str(value)[:20]}" for place, value in BAD])
def test_a_bad_value_is_refused_by_the_name_of_its_field(place: str, value: Any) -> None:
    with pytest.raises(InvalidMessage) as caught:
        alert(**_given(place, value))
    assert str(caught.value).startswith(f"{place}: ")


@pytest.mark.parametrize("place", sorted({place for place, _ in BAD} - {"message"}))
def test_an_error_does_not_repeat_the_value(place: str) -> None:
    refused_as_a_list = ("title", "fields.0.name", "fields.0.value", "fields.0.inline", "source", "username", "id")
    bad = [SECRET] if place in refused_as_a_list else f" {SECRET} /"
    with pytest.raises(InvalidMessage) as caught:
        alert(**_given(place, bad))
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_all_that_is_wrong_is_reported_at_once() -> None:
    with pytest.raises(InvalidMessage) as caught:
        alert(title="", color=-1)
    assert {problem.partition(": ")[0] for problem in str(caught.value).split("; ")} == {"title", "color"}


def test_the_error_is_one_of_ours_and_a_value_error() -> None:
    assert issubclass(InvalidMessage, NotifierError | ValueError)
    assert not issubclass(InvalidMessage, ValidationError)


@pytest.mark.parametrize(
    ("given_colour", "colour"),
    [
        ("red", COLOURS["red"]),
        ("Dark Red", COLOURS["dark red"]),
        ("#0000ff", 255),
        ("0x0000FF", 255),
        (0, 0),
        (2**24 - 1, 2**24 - 1),
    ],
)
def test_a_colour_may_be_a_number_a_name_or_hexadecimal(given_colour: Any, colour: int) -> None:
    assert alert(color=given_colour).colour == colour


def test_fields_may_be_a_mapping_and_values_numbers() -> None:
    message = alert(fields={"Tracks": 15, "Hours": 1.5})
    assert [(field.name, field.value, field.inline) for field in message.fields] == [
        ("Tracks", "15", False),
        ("Hours", "1.5", False),
    ]


def test_too_many_fields_or_mentions_are_refused() -> None:
    assert len(alert(fields={str(n): "v" for n in range(200)}).fields) == 200
    with pytest.raises(InvalidMessage, match="fields: "):
        alert(fields={str(n): "v" for n in range(201)})
    with pytest.raises(InvalidMessage, match="mentions: "):
        alert(mentions=["@here"] * 51)


def test_a_nickname_mention_is_that_of_the_user() -> None:
    assert alert(mentions=["<@!5>", "<@&6>", "@here"]).mentions == ("<@5>", "<@&6>", "@here")


def test_a_mention_may_be_written_in_words() -> None:
    assert alert(mentions=["role:6", "user:5", "here", "everyone"]).mentions == ("<@&6>", "<@5>", "@here", "@everyone")


def test_a_naive_time_is_utc_and_any_other_is_turned_into_it() -> None:
    noon = datetime(2024, 1, 1, 12)
    assert alert(timestamp=noon).timestamp == noon.replace(tzinfo=UTC)
    abroad = datetime(2024, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert alert(timestamp=abroad).timestamp.isoformat() == "2024-01-01T10:00:00+00:00"


def test_text_is_trimmed() -> None:
    message = alert(title=" T\n", message="\n m ", fields={" n ": " v "}, source=" s ")
    assert (message.title, message.message, message.source) == ("T", "m", "s")
    assert (message.fields[0].name, message.fields[0].value) == ("n", "v")


@pytest.mark.parametrize("value", ["\ud800", object(), {1: {2: "\udfff"}}])
def test_what_json_cannot_carry_is_refused_at_the_caller(value: Any) -> None:
    with pytest.raises(InvalidMessage):
        alert(metadata={"k": value})


def test_a_lone_surrogate_in_a_text_is_refused_at_the_caller() -> None:
    for name in ("title", "message", "source"):
        with pytest.raises(InvalidMessage, match=f"^{name}: "):
            alert(**{name: "a\ud800b"})


@pytest.mark.parametrize(
    "more", [{"metadata": {"k": "x" * 8 * 2**20}}, {"fields": [{"name": "n", "value": "🎵" * 100_000}] * 21}]
)
def test_an_alert_is_bounded_as_a_whole(more: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessage, match="8388608"):
        alert(**more)


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        alert().title = "other"  # type: ignore[misc]


@given(messages())
@settings(max_examples=100, deadline=None)
def test_a_message_is_the_same_after_redis(message: NotificationMessage) -> None:
    assert NotificationMessage.model_validate_json(message.model_dump_json()) == message
    assert NotificationMessage(**message.model_dump(mode="json")) == message
    assert pickle.loads(pickle.dumps(message)) == message  # noqa: S301
