"""The two shapes of form errors."""

from typing import Any

import pytest

from notifier.sandbox.form import Form, FormErrors


def read(reader: str, value: Any, *args: Any) -> tuple[Any, list[str]]:
    errors = FormErrors()
    result = getattr(Form({"x": value}, errors), reader)("x", *args)
    return result, [error["code"] for error in errors.tree().get("x", {}).get("_errors", [])]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("https://example.com/a", []),
        ("", ["URL_TYPE_INVALID_SCHEME"]),
        ("ftp://example.com", ["URL_TYPE_INVALID_SCHEME"]),
        ("javascript:alert(1)", ["URL_TYPE_INVALID_SCHEME"]),
        ("https://", ["URL_TYPE_INVALID_URL"]),
        ("https://exa mple.com", ["URL_TYPE_INVALID_URL"]),
        ("http://[::1", ["URL_TYPE_INVALID_URL"]),
        ("http://grafana:3000/d/1", ["URL_TYPE_INVALID_URL"]),
        ("http://a.b@localhost/", ["URL_TYPE_INVALID_URL"]),
        ("https://?q=1", ["URL_TYPE_INVALID_URL"]),
        ("https://#", ["URL_TYPE_INVALID_URL"]),
        ("http://10.0.0.1:3000/", []),
        ("http://[::1]:80/", []),
        ("https://example.com/" + "a" * 2028, []),
        ("https://example.com/" + "a" * 2029, ["BASE_TYPE_MAX_LENGTH"]),
        ("attachment://a.png", ["URL_TYPE_INVALID_SCHEME"]),
    ],
)
def test_urls(value: str, expected: list[str]) -> None:
    assert read("url", value)[1] == expected


def test_pictures_may_come_from_the_same_message() -> None:
    assert read("url", "attachment://a.png", "attachment") == ("attachment://a.png", [])


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, []), ("12", []), (16_777_215, []), (16_777_216, ["NUMBER_TYPE_MAX"]), (-1, ["NUMBER_TYPE_MIN"]),
     ("#9c27b0", ["NUMBER_TYPE_COERCE"]), (1.5, ["NUMBER_TYPE_COERCE"]), ([], ["NUMBER_TYPE_COERCE"])],
)  # fmt: skip
def test_numbers(value: Any, expected: list[str]) -> None:
    assert read("whole", value, 0, 16_777_215)[1] == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00+00:00"),
        ("2026-01-31T12:00:00.5+02:00", "2026-01-31T12:00:00.500000+02:00"),
        (1_700_000_000, None),
        ("yesterday", None),
    ],
)
def test_times(value: Any, expected: str | None) -> None:
    result, codes = read("moment", value)
    assert result == expected
    assert codes == ([] if expected else ["DATE_TIME_TYPE_PARSE"])


def test_lengths_are_counted_in_code_points_after_trimming() -> None:
    assert read("text", "  " + "🧨" * 10 + "\n", 10) == ("🧨" * 10, [])
    assert read("text", "🧨" * 11, 10)[1] == ["BASE_TYPE_MAX_LENGTH"]


@pytest.mark.parametrize(
    ("value", "expected"), [("True", True), ("1", True), ("false", False), (0, False), (None, None)]
)
def test_booleans(value: Any, expected: bool | None) -> None:
    assert read("flag", value) == (expected, [])


def test_an_id_is_at_most_a_signed_64_bit_integer() -> None:
    assert read("snowflake", "9223372036854775807") == ("9223372036854775807", [])
    assert read("snowflake", "9223372036854775808")[1] == ["NUMBER_TYPE_MAX"]
    assert read("snowflake", "XYZ")[1] == ["NUMBER_TYPE_COERCE"]


def test_before_v8_a_bad_list_item_is_only_its_index() -> None:
    errors = FormErrors()
    errors.add(("embeds", 0, "title"), "CODE", "long")
    errors.add(("embeds", 0, "url"), "CODE", "bad")
    errors.add(("embeds", 2), "CODE", "empty")
    errors.add(("username",), "CODE", "Must be between 1 and 80 in length.")
    assert errors.flat() == {"embeds": ["0", "2"], "username": ["Must be between 1 and 80 in length."]}
    assert errors.tree()["embeds"]["0"]["title"] == {"_errors": [{"code": "CODE", "message": "long"}]}
