"""What is a message of a task: whatever Celery itself sends, and nothing that it cannot take."""

import json
from collections.abc import Iterator
from typing import Any

import kombu
import pytest
from celery import Celery, chain, chord, group
from kombu.message import Message
from kombu.transport.virtual import Channel

from notifier.worker.consumer import Consumer, _entry_of
from notifier.worker.task_message import UnreadableMessage, check_task_message
from tests.e2e.unreadable_entries import NO_TASK_MESSAGE, TASK, envelope, protocol_1, with_body, with_headers

TASKS = {TASK, "send_notification.wake_up"}
UNPACKED_BEFORE = {"unknown compression", "compression is an object", "body is not compressed"}
"""Of these the transport itself says that it cannot unpack the body."""


@pytest.fixture
def channel() -> Iterator[Channel]:
    """A channel of a broker in this process."""
    with kombu.Connection("memory://") as connection:
        yield connection.default_channel


def message_of(entry: dict[str, Any], channel: Channel) -> Message:
    """The message that a transport makes of an entry."""
    found: Message = channel.Message(json.loads(json.dumps(entry)), channel=channel)
    found.accept = {"application/json"}
    return found


@pytest.mark.parametrize("name", sorted(NO_TASK_MESSAGE.keys() - UNPACKED_BEFORE))
def test_what_celery_cannot_take_is_no_message_of_a_task(channel: Channel, name: str) -> None:
    with pytest.raises(UnreadableMessage) as refused:
        check_task_message(message_of(NO_TASK_MESSAGE[name], channel), TASKS)
    assert refused.value.problem in ("undecodable", "invalid_task", "unknown_task")
    assert str(refused.value).startswith(refused.value.problem)


def test_a_task_in_the_headers_is_of_protocol_2_whatever_its_body_is(channel: Channel) -> None:
    with pytest.raises(UnreadableMessage, match=r"invalid_task: the body: expected \[args, kwargs, embed\]"):
        check_task_message(message_of(with_body({"task": TASK, "id": "1"}), channel), TASKS)


@pytest.mark.parametrize(
    "entry",
    [
        envelope(),
        with_body([[], {}, None]),
        protocol_1(),
        protocol_1(eta="2026-01-01T00:00:00", expires=None, retries=2, timelimit=[None, 10], callbacks=None),
        with_headers(eta="2026-01-01T00:00:00+00:00", expires="2026-01-01T00:00:00Z", timelimit=[None, 1.5]),
        with_headers(group=None, shadow="another name", root_id=None, something="of a later version"),
    ],
)
def test_what_follows_one_of_celerys_protocols_is_one(channel: Channel, entry: dict[str, Any]) -> None:
    check_task_message(message_of(entry, channel), TASKS)


@pytest.mark.parametrize("protocol", [1, 2])
def test_whatever_celery_sends_is_one(protocol: int) -> None:
    app = Celery("sender", broker="memory://", backend="cache+memory://", set_as_current=False)
    app.conf.update(task_protocol=protocol, task_default_queue=f"sent-{protocol}")
    sign = app.signature
    follow_ups = {"link": sign("b"), "link_error": [sign("c"), sign("d")]}
    sign("a", args=[1], kwargs={"x": 1}).apply_async(countdown=5, expires=60, retries=2, time_limit=3, **follow_ups)
    sign("a").apply_async(priority=3, headers={"own": {"x": 1}}, shadow="other", compression="zlib", task_id="own")
    chain(sign("a"), sign("b"), sign("c"), app=app).apply_async()
    group([sign("a"), sign("b")], app=app).apply_async()
    chord([sign("a"), sign("b")], sign("c"), app=app).apply_async()
    with app.connection_for_read() as connection:
        channel = connection.default_channel
        sent = list(iter(lambda: channel.basic_get(f"sent-{protocol}", no_ack=True), None))
    assert len(sent) == 7
    for message in sent:
        message.accept = {"application/json"}
        check_task_message(message, "abcd")


def test_a_message_of_another_broker_is_kept_as_it_would_lie_in_redis(channel: Channel) -> None:
    lying = with_headers(task="of_tomorrow")
    queue, raw = _entry_of(message_of(lying, channel))
    kept = json.loads(raw)
    assert queue == lying["properties"]["delivery_info"]["routing_key"]
    assert {name: kept[name] for name in lying if name != "properties"} == {
        name: part for name, part in lying.items() if name != "properties"
    }
    assert kept["properties"] == lying["properties"]


def test_a_body_that_the_transport_cannot_unpack_is_set_aside_with_its_fault() -> None:
    told: list[object] = []
    consumer: Any = type("Any", (), {"_set_aside": lambda _, *given: told.extend(given)})()
    Consumer.on_decode_error(consumer, "message", ValueError("no base64"))  # type: ignore[arg-type]
    assert told == ["message", "undecodable", "ValueError('no base64')"]
