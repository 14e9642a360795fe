"""A stored message is read in a shorter way than a caller's is made, and is the same."""

import pytest
from hypothesis import given, settings

from notifier import models
from notifier.message_parts import Severity
from notifier.models import AlertType, NotificationMessage
from notifier.outbox.payload import PAYLOAD_VERSION, read, text_of
from tests.unit.render.messages import EXTRAS, messages


@settings(max_examples=60, deadline=None)
@given(messages(**EXTRAS))
def test_what_is_stored_is_read_as_what_pydantic_would_make_of_it(message: NotificationMessage) -> None:
    text = text_of(message)
    whole = NotificationMessage.model_validate_json(text)
    found, unreadable = read(message.id, message.alert_type, text, PAYLOAD_VERSION)
    assert (found, found.model_fields_set, unreadable) == (whole, whole.model_fields_set, None)
    assert found == message


def test_what_was_stored_is_not_mended_again(monkeypatch: pytest.MonkeyPatch) -> None:
    message = NotificationMessage(title="x", fields={"Host": "db1"}, severity="high")
    monkeypatch.setattr(models, "coerce", None)
    assert read(message.id, message.alert_type, text_of(message), 1) == (message, None)


def test_what_a_version_before_has_stored_is_mended_where_it_has_to_be() -> None:
    found, unreadable = read("a", AlertType.GENERAL, '{"id": "a", "title": "", "message": "x", "severity": "high"}', 1)
    assert (found.title, found.severity, unreadable) == ("x", Severity.ERROR, None)


def test_no_two_that_are_read_share_what_can_be_changed() -> None:
    text = text_of(NotificationMessage(title="x"))
    read("a", AlertType.GENERAL, text, 1)[0].metadata["a"] = 1
    assert read("a", AlertType.GENERAL, text, 1)[0].metadata == {}
