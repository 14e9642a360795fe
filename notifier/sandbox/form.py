"""Reading an object out of a request body, noting every field that is wrong (Discord docs, reference.mdx)."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

from notifier.sandbox.answer import INVALID_FORM, Answer, RefusalError, json_answer
from notifier.sandbox.snowflake import LARGEST

URL_CODE_POINTS = 2048
"""Longest URL in any field, code points (Discord's OpenAPI, specs/openapi.json)."""

WEB = ("http", "https")
Path = tuple[str | int, ...]


class FormErrors:
    """All that is wrong with a form, in the order in which it was found."""

    def __init__(self) -> None:
        self._found: list[tuple[Path, str, str, str]] = []

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, path: Path, code: str, message: str, v6_message: str | None = None) -> None:
        """Note one error; ``v6_message`` if versions before 8 have another text."""
        self._found.append((path, code, message, v6_message or message))

    def tree(self) -> dict[str, Any]:
        """The shape of v8 and later: nested objects, array indexes as keys, ``_errors`` at the leaves."""
        root: dict[str, Any] = {}
        for path, code, message, _ in self._found:
            node = root
            for step in path:
                node = node.setdefault(str(step), {})
            node.setdefault("_errors", []).append({"code": code, "message": message})
        return root

    def flat(self) -> dict[str, list[str]]:
        """The shape of v6 and v7: field to texts; a bad list item is only its index (webhook-rs#17)."""
        fields: dict[str, list[str]] = {}
        for path, _, _, message in self._found:
            texts = fields.setdefault(str(path[0]) if path else "_errors", [])
            text = str(path[1]) if len(path) > 1 and isinstance(path[1], int) else message
            if text not in texts:
                texts.append(text)
        return fields

    def check(self) -> None:
        """Raise if anything was noted."""
        if self._found:
            raise FormError(self)


class FormError(RefusalError):
    """400 50035, with all errors of the form."""

    def __init__(self, errors: FormErrors) -> None:
        super().__init__(INVALID_FORM, errors.tree())
        self.form_errors = errors

    def v6_answer(self) -> Answer:
        """The refusal in the format of v6 and v7: no code, no ``errors`` (hoyolab-auto-login#5)."""
        return json_answer(INVALID_FORM.status, self.form_errors.flat())


class Form:
    """One object of a body. Each reader takes a field out, or notes what is wrong with it and gives None."""

    def __init__(self, values: Mapping[str, Any], errors: FormErrors, path: Path = ()) -> None:
        self.values = values
        self.errors = errors
        self.path = path

    def wrong(self, key: str, code: str, message: str, v6_message: str | None = None) -> None:
        """Note an error of field ``key``."""
        self.errors.add((*self.path, key), code, message, v6_message)

    def text(self, key: str, most: int, least: int = 0, *, required: bool = False) -> str | None:
        """A string, trimmed, counted in code points (staff in discord-api-docs #1315)."""
        value = self.values.get(key)
        if isinstance(value, (bool, list, dict)):
            self.wrong(key, "STRING_TYPE_CONVERT", f'Could not interpret "{value}" as string.')
            return None
        text = None if value is None else str(value).strip()
        if required and not text:
            self.wrong(key, "BASE_TYPE_REQUIRED", "This field is required")
        elif text is not None and least and not least <= len(text) <= most:
            self.wrong(key, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
        elif text is not None and len(text) > most:
            self.wrong(key, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
        else:
            return text
        return None

    def url(self, key: str, *also: str, most: int = URL_CODE_POINTS) -> str | None:
        """An http(s) URL, or one of the schemes ``also``; an empty string is none (discord-api-docs #5837)."""
        url = self.text(key, most)
        if url is None:
            return None
        try:
            parts = urlsplit(url)
        except ValueError:
            self.wrong(key, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
            return None
        if parts.scheme not in (*WEB, *also):
            message = f'Scheme "{parts.scheme}" is not supported. Scheme must be one of {WEB}.'
            self.wrong(key, "URL_TYPE_INVALID_SCHEME", message)
        elif not _has_host(parts) or any(letter.isspace() for letter in url):
            self.wrong(key, "URL_TYPE_INVALID_URL", "Not a well formed URL.")
        else:
            return url
        return None

    def whole(self, key: str, least: int, most: int) -> int | None:
        """An integer; numeric strings are taken (sourcemod-discord#27)."""
        value = self.values.get(key)
        if value is None:
            return None
        number = as_int(value)
        if number is None:
            self.wrong(key, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
        elif number > most:
            self.wrong(key, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {most}.")
        elif number < least:
            self.wrong(key, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {least}.")
        else:
            return number
        return None

    def flag(self, key: str) -> bool | None:
        """True or false; also in the spellings of a query string (Discord docs, reference.mdx)."""
        value = self.values.get(key)
        if value is None or isinstance(value, bool):
            return value
        if value in (0, 1):
            return bool(value)
        if isinstance(value, str) and value in ("True", "true", "1", "False", "false", "0"):
            return value in ("True", "true", "1")
        self.wrong(key, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
        return None

    def moment(self, key: str) -> str | None:
        """An ISO 8601 time; a naive one is UTC, an epoch number is none (discord.js#1688)."""
        value = self.values.get(key)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            self.wrong(key, "DATE_TIME_TYPE_PARSE", f"Could not parse {value}. Should be ISO8601.")
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat()

    def snowflake(self, key: str, *, required: bool = False) -> str | None:
        """An id."""
        value = self.values.get(key)
        if value is None:
            if required:
                self.wrong(key, "BASE_TYPE_REQUIRED", "This field is required")
            return None
        number = as_int(value)
        if number is None or number < 0:
            self.wrong(key, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
        elif number > LARGEST:
            message = f"snowflake value should be less than or equal to {LARGEST}."
            self.wrong(key, "NUMBER_TYPE_MAX", message)
        else:
            return str(number)
        return None

    def child(self, key: str) -> "Form | None":
        """An object inside this one."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            message = "Only dictionaries may be used in a ModelType"
            self.wrong(key, "MODEL_TYPE_CONVERT", message, "Expected an object/dictionary.")
            return None
        return Form(value, self.errors, (*self.path, key))

    def items(self, key: str, most: int, least: int = 0) -> "Form | None":
        """A list, as a form whose keys are its indexes."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, list):
            self.wrong(key, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return None
        if least and not least <= len(value) <= most:
            self.wrong(key, "BASE_TYPE_BAD_LENGTH", f"Must be between {least} and {most} in length.")
        elif len(value) > most:
            self.wrong(key, "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length.")
        return Form({str(index): item for index, item in enumerate(value)}, self.errors, (*self.path, key))

    def objects(self, key: str, most: int, least: int = 0) -> "Iterator[Form]":
        """The objects of a list; an empty one is an error (discord-api-docs #1765)."""
        items = self.items(key, most, least)
        for index, value in enumerate(items.values.values() if items else ()):
            path = (*self.path, key, index)
            if value is None or value == {}:
                message = "List item values of ModelType are required"
                self.errors.add(path, "LIST_ITEM_VALUE_REQUIRED", message)
            elif not isinstance(value, dict):
                message = "Only dictionaries may be used in a ModelType"
                self.errors.add(path, "MODEL_TYPE_CONVERT", message)
            else:
                yield Form(value, self.errors, path)


def _has_host(parts: SplitResult) -> bool:
    """Whether Discord takes it for a host: one with a dot (rogerrum/alertmanager-discord#19), or an IPv6 address."""
    host = parts.netloc.rpartition("@")[2]
    return bool(host) if parts.scheme not in WEB else host.startswith("[") or "." in host.partition(":")[0].strip(".")


def as_int(value: Any) -> int | None:
    """The integer that ``value`` is or spells, else None."""
    if isinstance(value, float) and not value.is_integer():
        return None
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None
