"""What a call gives is read in one way at every door, and what Celery gives a callback is shown, never refused."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from kombu.utils.json import dumps, loads

from notifier.errors import InvalidMessage
from notifier.message_parts import VALUE_CHARACTERS_MAX
from notifier.models import AlertType, NotificationMessage
from notifier.storage.keys import Keys
from tasks import parent
from tasks.arguments import message_of, message_of_callback, partial_fields
from tests.results import ended

ERROR = AlertType.ERROR
WHOLE = NotificationMessage(id="its-own", alert_type=ERROR, title="T", fields={"a": "b"})


def shown(message: NotificationMessage) -> dict[str, str]:
    return {each.name: each.value for each in message.fields}


FORMS: list[tuple[tuple[Any, ...], dict[str, Any], tuple[str, str]]] = [
    ((), {"title": "T"}, ("T", "")),
    ((), {"title": "T", "message": "m", "alert_type": "error"}, ("T", "m")),
    (("T",), {}, ("T", "")),
    (("T",), {"message": "m"}, ("T", "m")),
    (("T", "m"), {"source": "s"}, ("T", "m")),
    (({"title": "T", "message": "m", "alert_type": "error"},), {}, ("T", "m")),
]


@pytest.mark.parametrize(("args", "fields", "read"), FORMS)
def test_the_forms_that_a_caller_may_choose_mean_the_same_in_a_worker(
    args: tuple[Any, ...], fields: dict[str, Any], read: tuple[str, str]
) -> None:
    for message in (
        message_of(ERROR, args, fields, "an-id"),
        message_of_callback(ERROR, list(args), fields, "an-id", "the-parent"),
    ):
        assert (message.id, message.alert_type, message.title, message.message) == ("an-id", "error", *read)
        assert message.fields == ()


def test_a_message_is_taken_as_it_is_and_an_id_beside_it_outweighs_its_own() -> None:
    assert message_of(ERROR, (WHOLE,), {}) is WHOLE
    assert message_of(None, (WHOLE,), {}) is WHOLE
    for other in (message_of(ERROR, (WHOLE,), {}, "other"), message_of(ERROR, [WHOLE], {"id": "other"})):
        assert other == WHOLE.model_copy(update={"id": "other"})


REFUSED: list[tuple[Any, Any, str]] = [
    (("T",), {"title": "U"}, "expected a NotificationMessage, .* not \\(str, title=…\\)"),
    (("T", "m"), {"message": "n"}, "not \\(str, str, message=…\\)"),
    (("T", "m", "x"), {}, "not \\(str, str, str\\)"),
    ((1,), {}, "not \\(int\\)"),
    (([],), {}, "not \\(list\\)"),
    ((None,), {"title": "T"}, "not \\(NoneType, title=…\\)"),
    ((WHOLE,), {"title": "T"}, "not \\(NotificationMessage, title=…\\)"),
    ((WHOLE, WHOLE), {}, "not \\(NotificationMessage, NotificationMessage\\)"),
    (({"titel": "T", 1: 2},), {}, "1, titel: not a field"),
    (({"title": "T"},), {"message": "m"}, "not \\(dict, message=…\\)"),
    ((), {"title": "T", "self": 1, "task": 2}, "self: not a field.*; task: not a field"),
    ((), {1: 2, "title": "T"}, "1: not a field"),
    ((), {"title": "T", "alert_type": "critical"}, "alert_type: this task sends error alerts"),
    (({"title": "T", "alert_type": "critical"},), {}, "alert_type: this task sends error alerts"),
    ("T", {}, "args: a list or tuple, not str"),
    (WHOLE, {}, "args: a list or tuple, not NotificationMessage"),
    ((), ["T"], "kwargs: a mapping, not list"),
]


@pytest.mark.parametrize(("args", "fields", "says"), REFUSED)
def test_anything_else_is_refused_at_the_caller_and_names_what_is_wrong(args: Any, fields: Any, says: str) -> None:
    with pytest.raises(InvalidMessage, match=says):
        message_of(ERROR, args, fields)


RESULTS: list[tuple[tuple[Any, ...], dict[str, Any], str, str, str]] = [
    # by position, by name; title, message, result
    ((7,), {"title": "T"}, "T", "", "7"),
    (("done",), {"title": "T", "message": "m"}, "T", "m", "done"),
    ((None,), {"title": "T"}, "T", "", "None"),
    (("",), {"title": "T"}, "T", "", "''"),
    ((" \n",), {"title": "T"}, "T", "", "' \\n'"),
    (({"rows": 3, "ü": None},), {"title": "T"}, "T", "", '{"rows": 3, "ü": null}'),
    (({"title": "U"},), {"title": "T"}, "T", "", '{"title": "U"}'),
    (({"message": "m"},), {}, "Task finished", "", '{"message": "m"}'),
    (({},), {}, "Task finished", "", "{}"),
    (([1, "a"],), {"title": "all of a chord"}, "all of a chord", "", '[1, "a"]'),
    ((7,), {}, "Task finished", "", "7"),
    # a signature of another application with a title by position
    ((7, "T"), {}, "T", "", "7"),
    (("done", "T", "m"), {}, "T", "m", "done"),
    (("done", "T"), {"message": "m"}, "T", "m", "done"),
    ((7, {"title": "T"}), {}, "T", "", "7"),
    ((1, 2), {"title": "T"}, "T", "", "[1, 2]"),
    ((1, 2), {}, "Task finished", "", "[1, 2]"),
    ((datetime(2024, 1, 1, tzinfo=UTC),), {"title": "T"}, "T", "", "2024-01-01 00:00:00+00:00"),
    (({"at": datetime(2024, 1, 1, tzinfo=UTC)},), {"title": "T"}, "T", "", '{"at": "2024-01-01 00:00:00+00:00"}'),
    (("a\ud800b",), {"title": "T"}, "T", "", "a\\ud800b"),
    # a text that can be no title
    (("",), {}, "Task finished", "", "''"),
    (("x" * 10_001,), {}, "Task finished", "", "x" * 10_001),
    (("a\ud800b",), {}, "Task finished", "", "a\\ud800b"),
    (("", "T"), {}, "T", "", "''"),
]


@pytest.mark.parametrize(("args", "fields", "title", "text", "result"), RESULTS)
def test_a_parents_result_is_a_field(
    args: tuple[Any, ...], fields: dict[str, Any], title: str, text: str, result: str
) -> None:
    message = message_of_callback(ERROR, args, fields, "an-id", "the-parent")
    assert (message.id, message.title, message.message, shown(message)) == ("an-id", title, text, {"Result": result})


def test_a_result_comes_after_the_alerts_own_fields_and_within_the_limit_of_a_field() -> None:
    as_list = [{"name": "Host", "value": "db1"}]
    for own in ({"Host": "db1"}, as_list, tuple(as_list)):
        message = message_of_callback(ERROR, ["x" * 10**6], {"title": "T", "fields": own}, "i", None)
        assert list(shown(message)) == ["Host", "Result"]
    assert (len(shown(message)["Result"]), shown(message)["Result"][-1]) == (VALUE_CHARACTERS_MAX, "…")


@pytest.mark.parametrize(
    ("meta", "exception"),
    [
        ({}, None),
        ({"status": "FAILURE", "result": None}, None),
        ({"status": "FAILURE", "result": {"exc_type": "KeyError", "exc_message": ["x", 1]}}, "KeyError: x, 1"),
        ({"status": "FAILURE", "result": {"exc_type": "Custom", "exc_message": ""}}, "Custom"),
        (
            {"status": "FAILURE", "result": {"exc_type": "Not", "exc_message": ["forbidden", {"id": "x"}]}},
            "Not: forbidden",
        ),
        ({"status": "FAILURE", "result": "of another serializer"}, "of another serializer"),
    ],
)
def test_an_errback_shows_the_failed_task_and_its_exception(
    meta: dict[str, Any], exception: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parent, "_stored", lambda task_id: meta if task_id == "the-parent" else {})
    for args, fields, title in (
        (["the-parent"], {"title": "T"}, "T"),
        (["the-parent", "T"], {}, "T"),
        (["the-parent"], {}, "Task failed"),
    ):
        message = message_of_callback(ERROR, args, fields, "an-id", "the-parent")
        assert message.title == title
        assert shown(message) == {"Failed task": "the-parent", **({"Exception": exception} if exception else {})}


@pytest.mark.parametrize("key", ["ours:celery-task-meta-p", "celery-task-meta-p"], ids=["ours", "another's"])
def test_the_result_of_a_failed_task_is_looked_for_under_our_prefix_and_under_none(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = {key: '{"status": "FAILURE", "result": {"exc_type": "KeyError", "exc_message": ["x"]}}'}
    if "ours" not in key:
        stored["ours:celery-task-meta-p"] = "no JSON"
    monkeypatch.setitem(vars(parent.pipeline), "keys", Keys("ours:"))
    monkeypatch.setitem(vars(parent.pipeline), "redis", SimpleNamespace(get=stored.get))
    message = message_of_callback(ERROR, ["p"], {"title": "T"}, "an-id", "p")
    assert shown(message) == {"Failed task": "p", "Exception": "KeyError: x"}


def test_of_an_alert_before_it_what_became_of_it_is_shown() -> None:
    assert shown(message_of_callback(ERROR, [ended("a")], {"title": "T"}, "i", "a")) == {"Result": "delivered: a"}
    linked = {**ended("a"), "link": "https://discord.com/channels/1/2/3"}
    shown_then = shown(message_of_callback(ERROR, [linked], {"title": "T"}, "i", "a"))
    assert shown_then == {"Result": "delivered: https://discord.com/channels/1/2/3"}


def test_a_task_that_has_returned_its_own_id_has_not_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parent, "_stored", lambda _: {"status": "SUCCESS", "result": "the-parent"})
    message = message_of_callback(ERROR, ["the-parent"], {"title": "T"}, "an-id", "the-parent")
    assert shown(message) == {"Result": "the-parent"}


def test_what_is_wrong_by_name_is_refused_in_a_worker_too() -> None:
    with pytest.raises(InvalidMessage, match="titel: not a field"):
        message_of_callback(ERROR, [1], {"titel": "T"}, "an-id", "the-parent")
    with pytest.raises(InvalidMessage, match="title: nothing was given"):
        message_of_callback(ERROR, [], {}, "an-id", None)


@pytest.mark.parametrize(("args", "fields", "read"), FORMS)
def test_a_signature_names_its_fields_and_leaves_what_is_decided_later(
    args: tuple[Any, ...], fields: dict[str, Any], read: tuple[str, str]
) -> None:
    named = partial_fields(ERROR, args, fields, whole=False)
    assert (named["title"], named.get("message", "")) == read
    assert "timestamp" not in named, "the alert is not raised yet"
    assert partial_fields(ERROR, (), {}, whole=False) == {}
    assert partial_fields(ERROR, (), {"color": "red"}, whole=False) == {"color": 0xE74C3C}
    assert partial_fields(ERROR, (), {"color": "red"}, whole=True) == {"title": "Error", "color": 0xE74C3C}
    noted = partial_fields(ERROR, (), {"color": "no colour", "url": "no link"}, whole=False)
    assert (noted["message"], len(noted["adjusted"]), noted["color"]) == ("no link", 2, None)
    with pytest.raises(InvalidMessage, match="titel: not a field"):
        partial_fields(ERROR, (), {"titel": "T"}, whole=False)


def test_a_message_in_the_arguments_of_any_task_is_its_fields() -> None:
    for message in (WHOLE, NotificationMessage(title="a general one")):
        stored = loads(dumps({"args": [message]}))["args"][0]
        assert NotificationMessage(**stored) == message
        assert stored["alert_type"] == message.alert_type
    assert message_of_callback(ERROR, [loads(dumps(WHOLE))], {}, "an-id", None).id == "an-id"
    assert partial_fields(ERROR, (WHOLE,), {}, whole=True)["timestamp"] == loads(dumps(WHOLE))["timestamp"]
