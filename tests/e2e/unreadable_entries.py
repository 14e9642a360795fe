"""What may lie in a queue and is no message of a task: one entry of each kind, as Redis holds it."""

import base64
import json
import uuid
from typing import Any

QUEUE = "notifications.general"
TASK = "send_notification.general"
TOKEN = "0123456789abcdef0123456789abcdef"
PROTOCOL_1 = "of protocol 1"
"""The title of the alert that ``protocol_1`` holds."""


def body_of(value: Any) -> str:
    """A body as kombu encodes it."""
    return base64.b64encode(json.dumps(value).encode()).decode()


def envelope(**changed: Any) -> dict[str, Any]:
    """A whole message of protocol 2, with some of its parts changed; None takes one out."""
    whole: dict[str, Any] = {
        "body": body_of([[], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers(),
        "properties": properties(),
    }
    return {name: part for name, part in {**whole, **changed}.items() if part is not None}


def headers(**changed: Any) -> dict[str, Any]:
    """The headers of a wake-up that nobody waits for, with some changed; ``...`` takes one out."""
    whole = {"lang": "py", "task": "send_notification.wake_up", "id": str(uuid.uuid4()), "retries": 0}
    return {name: value for name, value in {**whole, **changed}.items() if value is not ...}


def properties(**changed: Any) -> dict[str, Any]:
    """The properties of a message in its queue, with some changed; ``...`` takes one out."""
    whole = {
        "correlation_id": str(uuid.uuid4()),
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": QUEUE},
        "priority": 0,
        "body_encoding": "base64",
        "delivery_tag": str(uuid.uuid4()),
    }
    return {name: value for name, value in {**whole, **changed}.items() if value is not ...}


def with_headers(**changed: Any) -> dict[str, Any]:
    """A message with some headers changed."""
    return envelope(headers=headers(**changed))


def with_properties(**changed: Any) -> dict[str, Any]:
    """A message with some properties changed."""
    return envelope(properties=properties(**changed))


def with_body(value: Any) -> dict[str, Any]:
    """A message with another body."""
    return envelope(body=body_of(value))


def protocol_1(**changed: Any) -> dict[str, Any]:
    """A message of Celery's first protocol, which has all in its body."""
    task = {"task": TASK, "id": str(uuid.uuid4()), "args": [], "kwargs": {"title": PROTOCOL_1}, "retries": 0}
    return envelope(headers={}, body=body_of({**task, **changed}))


NO_ENVELOPE: dict[str, Any] = {
    "garbage": b"garbage",
    "number": b"5",
    "null": b"null",
    "list": b"[]",
    "object": b"{}",
    "empty text": b'""',
    "nothing": b"",
    "no UTF-8": b'\xff\xfe{"body": "\x80"}',
    "deeply nested": b"[" * 100_000,
    "a type that is not there": b'{"__type__": "nothing", "__value__": 1}',
    "no properties": envelope(properties=None),
    "properties are a list": envelope(properties=[]),
    "no delivery tag": with_properties(delivery_tag=...),
    "delivery tag is an object": with_properties(delivery_tag={}),
    "delivery tag is half a character": with_properties(delivery_tag="\ud800"),
    "no delivery info": with_properties(delivery_info=...),
    "delivery info without exchange": with_properties(delivery_info={}),
    "delivery info is a text": with_properties(delivery_info="x"),
    "broken base64": envelope(body="abc"),
    "body is a number": envelope(body=5),
    "unknown body encoding": with_properties(body_encoding="rot13"),
    "body encoding is a number": with_properties(body_encoding=5),
    "headers are a list": envelope(headers=["x"]),
    "headers are a text": envelope(headers="x"),
}
"""What kombu, Celery's transport, makes no message of."""
NO_TASK_MESSAGE: dict[str, Any] = {
    "no body encoding": with_properties(body_encoding=...),
    "no body": envelope(body=None),
    "no base64": envelope(body="%%%"),
    "body is no JSON": envelope(body=base64.b64encode(b"{").decode()),
    "body is an object": with_body({"title": "x"}),
    "body is a number": with_body(5),
    "body is null": with_body(None),
    "body is a text": with_body("abc"),
    "body has two parts": with_body([[], {}]),
    "embed is a number": with_body([[], {}, 5]),
    "embed is a list": with_body([[], {}, [1]]),
    "callbacks are a number": with_body([[], {}, {"callbacks": 5}]),
    "callbacks are texts": with_body([[], {}, {"callbacks": ["x"]}]),
    "chain is no list of signatures": with_body([[], {}, {"chain": [{"task": "x"}]}]),
    "chord is a text": with_body([[], {}, {"chord": "x"}]),
    "embed has an id": with_body([[], {}, {"id": "x"}]),
    "arguments are a number": with_body([5, {}, {}]),
    "keywords are a list": with_body([[], ["x"], {}]),
    "no headers": envelope(headers=None),
    "no task": with_headers(task=...),
    "no id": with_headers(id=...),
    "id is null": with_headers(id=None),
    "id is a number": with_headers(id=5),
    "id is a list": with_headers(id=[]),
    "id is empty": with_headers(id=""),
    "id is half a character": with_headers(id="\ud800"),
    "task is a list": with_headers(task=[]),
    "task is null": with_headers(task=None),
    "unknown task": with_headers(task="send_notification.of_tomorrow"),
    "eta is no time": with_headers(eta="tomorrow"),
    "eta is a number": with_headers(eta=5),
    "eta is out of range": with_headers(eta="0001-01-01T00:00:00+14:00"),
    "expires is no time": with_headers(expires="tomorrow"),
    "expires is an object": with_headers(expires={}),
    "retries are a text": with_headers(retries="many"),
    "retries are null": with_headers(retries=None),
    "time limit is a number": with_headers(timelimit=5),
    "time limit has texts": with_headers(timelimit=["a", "b"]),
    "unknown compression": with_headers(compression="application/x-nothing"),
    "compression is an object": with_headers(compression={"name": "gzip"}),
    "body is not compressed": with_headers(compression="application/x-gzip"),
    "pickle": envelope(**{"content-type": "application/x-python-serialize"}),
    "yaml": envelope(**{"content-type": "application/x-yaml"}),
    "content type is a number": envelope(**{"content-type": 5}),
    "protocol 1 without id": protocol_1(id=None),
    "protocol 1 with keywords in a list": protocol_1(kwargs=["x"]),
    "protocol 1 of an unknown task": protocol_1(task="send_notification.of_tomorrow"),
    "protocol 1 with a wrong eta": protocol_1(eta="tomorrow"),
}
"""What kombu makes a message of, and Celery no task's."""
UNREADABLE = {**{f"{name} (entry)": each for name, each in NO_ENVELOPE.items()}, **NO_TASK_MESSAGE}


def raw(entry: Any) -> bytes:
    """As Redis holds it."""
    return entry if isinstance(entry, bytes) else json.dumps(entry).encode()


BROADCASTS = (b"garbage", b"5", b"{}", b"\xff", raw(envelope(properties=None)), raw(envelope(headers=["x"])))
"""The same on the channel of remote control."""
