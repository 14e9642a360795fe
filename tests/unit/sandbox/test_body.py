"""Bodies as clients send them: JSON, forms, multipart with files."""

import json
from typing import Any

import pytest

from notifier.sandbox.answer import RefusalError
from notifier.sandbox.body import FILE_BYTES, REQUEST_BYTES, Body, read_body
from notifier.sandbox.form import FormError

BOUNDARY = "xyz"
MULTIPART = f"multipart/form-data; boundary={BOUNDARY}"


def multipart(*parts: tuple[str, str | None, bytes]) -> bytes:
    out = b""
    for name, filename, data in parts:
        file = f'; filename="{filename}"' if filename else ""
        out += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + data + b"\r\n"
    return out + f"--{BOUNDARY}--\r\n".encode()


def read(kind: str, data: bytes, size: int | None = None) -> Body:
    return read_body(kind, data, len(data) if size is None else size)


def test_a_form_may_carry_fields_or_payload_json() -> None:
    kind = "application/x-www-form-urlencoded"
    assert read(kind, b"content=h%C3%A9&username=u").payload == {"content": "hé", "username": "u"}
    assert read(kind, b'payload_json={"content":"a"}').payload == {"content": "a"}


def test_files_keep_their_number_and_other_names_are_taken_too() -> None:
    payload = json.dumps({"content": "a"}).encode()
    data = multipart(("payload_json", None, payload), ("files[3]", "a.txt", b"A"), ("_b.txt", "b.txt", b"\r\nB\r\n"))
    body = read(MULTIPART, data)
    assert body.payload == {"content": "a"}
    assert [(file.number, file.filename, file.data) for file in body.files] == [
        (3, "a.txt", b"A"),
        (1, "b.txt", b"\r\nB\r\n"),
    ]


def test_eleven_files_are_too_many() -> None:
    ten = [(f"files[{number}]", "a.txt", b"A") for number in range(10)]
    assert len(read(MULTIPART, multipart(*ten)).files) == 10
    with pytest.raises(RefusalError) as refused:
        read(MULTIPART, multipart(*ten, ("files[10]", "a.txt", b"A")))
    assert refused.value.problem.code == 30015


def test_a_file_above_its_size_is_413() -> None:
    assert read(MULTIPART, multipart(("files[0]", "a", b"x" * FILE_BYTES))).files
    with pytest.raises(RefusalError) as refused:
        read(MULTIPART, multipart(("files[0]", "a", b"x" * (FILE_BYTES + 1))))
    assert (refused.value.problem.status, refused.value.problem.code) == (413, 40005)


def test_a_request_above_its_size_is_413_though_its_end_was_not_kept() -> None:
    with pytest.raises(RefusalError) as refused:
        read("application/json", b"{}", REQUEST_BYTES + 1)
    assert refused.value.problem.code == 40005


@pytest.mark.parametrize(
    ("kind", "data", "where"),
    [
        (MULTIPART, multipart(("payload_json", None, b"{")), "payload_json"),
        (MULTIPART, multipart(("files%5B0%5D", "a", b"A")), "files%5B0%5D"),
        (MULTIPART, b"nonsense", "_errors"),
        ("multipart/form-data", multipart(), "_errors"),
        ("text/plain", b"hello", "_errors"),
        ("", b"{}", "_errors"),
    ],
)
def test_what_cannot_be_read_says_where(kind: str, data: bytes, where: str) -> None:
    with pytest.raises(FormError) as refused:
        read(kind, data)
    assert where in refused.value.errors


@pytest.mark.parametrize("data", [b"{", b"\xff", b"[" * 100_000, b"Infinity"])
def test_bad_json_is_50109(data: bytes) -> None:
    with pytest.raises(RefusalError) as refused:
        read("application/json; charset=utf-8", data)
    assert refused.value.problem.code == 50109


@pytest.mark.parametrize("value", [[], "text", 1, None])
def test_json_that_is_no_object_is_read_and_judged_later(value: Any) -> None:
    assert read("application/json", json.dumps(value).encode()).payload == value
