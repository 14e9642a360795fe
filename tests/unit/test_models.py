"""Bad input gets an error that names the field, at the caller; good input is kept as it was meant."""

import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from pydantic import ValidationError

from notifier.errors import InvalidMessage, NotifierError
from notifier.message_parts import COLOUR_OF, SEVERITY_OF
from notifier.models import MESSAGE_BYTES_MAX, AlertType, NotificationMessage, Severity
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


REFUSED: list[tuple[dict[str, Any], str]] = [
    *(({"id": value}, "id: ") for value in ("a\n", "\x00", "x" * 256)),
    ({"alert_type": "eror"}, "alert_type: none of general, .*; error\\?"),
    ({"alert_type": 5}, "alert_type: "),
    ({"titel": "T"}, "titel: not a field of a NotificationMessage; title\\?"),
    ({"colour": "red", "xyz": 1}, "colour: not a field .*; color\\?; xyz: not a field of a NotificationMessage$"),
    ({"fields": [{"name": "n", "value": "v", "colour": "red"}]}, "fields.0.colour: "),
]


@pytest.mark.parametrize(("given_fields", "says"), REFUSED)
def test_only_an_unknown_name_or_type_and_an_impossible_id_are_refused_by_their_names(
    given_fields: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidMessage, match=f"^{says}"):
        alert(**given_fields)


@pytest.mark.parametrize("name", ["alert_type", "id"])
def test_an_error_does_not_repeat_the_value(name: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        alert(**{name: f"{SECRET}\n/"})
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_the_error_is_one_of_ours_and_a_value_error() -> None:
    assert issubclass(InvalidMessage, NotifierError | ValueError)
    assert not issubclass(InvalidMessage, ValidationError)


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


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"metadata": {"k": "x" * 9 * 2**20}}, "metadata"),
        ({"fields": [{"name": "n", "value": "🎵" * 100_000}] * 30}, "fields"),
        ({"message": "🎵" * 2**22}, "message"),
        ({"traceback": "\x00" * 9 * 2**20}, "traceback"),
    ],
)
def test_an_alert_is_bounded_as_a_whole_and_goes_all_the_same(more: dict[str, Any], place: str) -> None:
    message = alert(**more)
    assert len(message.model_dump_json().encode()) <= MESSAGE_BYTES_MAX
    assert any(each.startswith(place) for each in message.adjusted)


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        alert().title = "other"  # type: ignore[misc]


@given(messages())
def test_a_message_is_the_same_after_redis(message: NotificationMessage) -> None:
    assert NotificationMessage.model_validate_json(message.model_dump_json()) == message
    assert NotificationMessage(**message.model_dump(mode="json")) == message
    assert pickle.loads(pickle.dumps(message)) == message  # noqa: S301
