"""An alert of plain fields is made in a shorter way, and is what pydantic would make of it."""

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from notifier.errors import InvalidMessage
from notifier.message_parts import AlertType, Severity
from notifier.models import NotificationMessage, stored_message
from notifier.outbox.message_secrets import masked_message
from notifier.outbox.payload import text_of
from notifier.outbox.record import as_kept

TEXTS = some.one_of(some.text(max_size=20), some.sampled_from(["", " ", " x ", "\ud800", "\x00\n", "<b>", "é\u2028"]))
VALUES = some.fixed_dictionaries(
    {},
    optional={
        "id": some.one_of(TEXTS, some.just("x" * 256), some.uuids(), some.none()),
        "alert_type": some.one_of(some.sampled_from([*AlertType, " Error ", "eror", "", None]), TEXTS),
        "title": some.one_of(TEXTS, some.integers(), some.none()),
        "message": some.one_of(TEXTS, some.none(), some.builds(ValueError, TEXTS)),
        "severity": some.one_of(some.sampled_from([*Severity, "high", 40, None]), TEXTS),
        "source": TEXTS,
        "timestamp": some.one_of(
            some.datetimes(timezones=some.sampled_from([None, UTC, timezone(timedelta(hours=5))])),
            some.sampled_from([0, 1.5e12, "2026-01-01", "soon"]),
        ),
    },
)


class Whole(NotificationMessage):
    """What pydantic makes of it: a class of its own is looked at field by field."""


def made(kind: type[NotificationMessage], values: dict[str, Any]) -> Any:
    """All that a message is, or how it was refused."""
    try:
        message = kind(**values)
    except InvalidMessage as error:
        return str(error)
    left_open = {"id", "timestamp"} - message.model_fields_set
    text = NotificationMessage.model_validate_json(text_of(message)).model_dump(exclude=left_open)
    return message.model_dump(exclude=left_open), message.model_fields_set, text


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_it_is_what_pydantic_would_make_of_it(values: dict[str, Any]) -> None:
    assert made(NotificationMessage, values) == made(Whole, values)


@settings(max_examples=30, deadline=None)
@given(VALUES)
def test_it_is_stored_as_pydantic_would_write_it(values: dict[str, Any]) -> None:
    try:
        message = NotificationMessage(**values)
    except InvalidMessage:
        return
    assert text_of(message) == message.model_dump_json(exclude_defaults=True)
    assert as_kept(message) == message.model_dump(mode="json", exclude_defaults=True)


def test_it_can_be_copied_compared_and_pickled() -> None:
    message = NotificationMessage(title="x", id="a", timestamp=datetime(2026, 1, 1, tzinfo=UTC))
    pickled = pickle.loads(pickle.dumps(message))  # noqa: S301 - our own
    assert all(each == message for each in (copy.copy(message), copy.deepcopy(message), pickled, message.model_copy()))
    assert NotificationMessage.model_validate_json(text_of(message)) == message
    changed = message.model_copy(update={"silent": True})
    assert text_of(changed) == changed.model_dump_json(exclude_defaults=True) != text_of(message)


def test_metadata_that_is_filled_in_later_is_stored_and_masked() -> None:
    message = NotificationMessage(title="x")
    message.metadata["token"] = f"ghp_{'a' * 36}"
    stored = text_of(masked_message(message))
    assert '"token"' in stored
    assert "ghp_aaaa" not in stored
    assert "ghp_aaaa" in text_of(message)


def test_the_texts_of_one_that_was_read_go_with_it() -> None:
    stored = text_of(NotificationMessage(title="a short text", id="a"))
    assert stored_message(stored).title is not stored_message(stored).title, "pydantic has kept it"


def test_no_two_share_what_can_be_changed() -> None:
    NotificationMessage(title="x").metadata["a"] = 1
    assert NotificationMessage(title="x").metadata == {}
