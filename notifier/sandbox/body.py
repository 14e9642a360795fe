"""Request bodies: JSON, urlencoded forms, and multipart with files."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from tornado.httputil import HTTPFile, HTTPInputError, parse_multipart_form_data

from notifier.sandbox.answer import INVALID_JSON, TOO_LARGE, TOO_MANY_FILES, RefusalError
from notifier.sandbox.form import FormErrors
from notifier.sandbox.rules import ATTACHMENTS

FILE_BYTES = 10 * 1024 * 1024  # per file of a webhook (Discord docs, change-log.mdx, 2025-01-16)
REQUEST_BYTES = 25 * 1024 * 1024  # per request (Discord docs, message.mdx)

FILES_PART = re.compile(r"files\[(\d+)\]")
ESCAPED_PART = re.compile(r"files%5B\d+%5D", re.IGNORECASE)
KINDS = "{'application/x-www-form-urlencoded', 'application/json', 'multipart/form-data'}"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file in a request. ``number``: the n of its ``files[n]``, or its place if the part has another name."""

    number: int
    filename: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Body:
    """A body, read but not checked."""

    payload: Any
    files: tuple[Upload, ...] = ()


def read_body(content_type: str, data: bytes, size: int) -> Body:
    """Read a body of ``size`` bytes; ``data`` may be shorter if it was too long to keep.

    Raises:
        RefusalError: too large, not readable, or of no kind that Discord reads.
    """
    if size > REQUEST_BYTES:
        raise RefusalError(TOO_LARGE)
    if not data:
        return Body({})
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json":
        return Body(_json(data))
    if kind == "application/x-www-form-urlencoded":
        return Body(_form(dict(parse_qsl(data.decode("utf-8", "replace"), keep_blank_values=True))))
    if kind == "multipart/form-data":
        return _multipart(content_type, data)
    errors = FormErrors()
    errors.add((), "CONTENT_TYPE_INVALID", f'Expected "Content-Type" header to be one of {KINDS}.')
    errors.check()
    raise AssertionError("unreachable")


def _json(data: bytes) -> Any:
    try:
        return json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RefusalError(INVALID_JSON) from None


def _no_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are Python's, not JSON's


def _form(fields: dict[str, Any]) -> Any:
    text = fields.get("payload_json")
    if text is None:
        return fields
    try:
        return json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        errors = FormErrors()
        message = 'Expected "payload_json" to be a valid JSON string.'  # discord-api-docs #4732
        errors.add(("payload_json",), "PAYLOAD_JSON_INVALID", message)
        errors.check()
        raise AssertionError("unreachable") from None


def _multipart(content_type: str, data: bytes) -> Body:
    fields: dict[str, list[bytes]] = {}
    parts: dict[str, list[HTTPFile]] = {}
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    errors = FormErrors()
    try:
        parse_multipart_form_data(boundary[1].encode() if boundary else b"", data, fields, parts)
    except (HTTPInputError, ValueError):
        errors.add((), "MULTIPART_INVALID", "Could not parse the multipart body.")
    for name in parts:
        # aiohttp's default escaping; Discord rejects it (comment in discord.py, discord/http.py)
        if ESCAPED_PART.fullmatch(name):
            errors.add((name,), "FILE_FIELD_INVALID", f'"{name}" is not a file field.')
    errors.check()
    files = _uploads(parts)
    if len(files) > ATTACHMENTS:
        raise RefusalError(TOO_MANY_FILES)
    if any(len(file.data) > FILE_BYTES for file in files):
        raise RefusalError(TOO_LARGE)
    payload = _form({name: values[-1].decode("utf-8", "replace") for name, values in fields.items()})
    return Body(payload, files)


def _uploads(parts: dict[str, list[HTTPFile]]) -> tuple[Upload, ...]:
    uploads: list[Upload] = []
    for name, files in parts.items():
        if name == "payload_json":
            continue
        numbered = FILES_PART.fullmatch(name)
        for file in files:
            number = int(numbered[1]) if numbered else len(uploads)
            uploads.append(Upload(number, file.filename, file.content_type, file.body))
    return tuple(uploads)
