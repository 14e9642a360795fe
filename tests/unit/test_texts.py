"""JSON of whatever a text holds."""

import json

import pytest

from notifier.texts import json_of


@pytest.mark.parametrize("value", [{"a": ["ä\u2028", 2**60, 0.1, None, True]}, {"broken": "x\ud800"}])
def test_json_is_read_as_the_same_whatever_a_text_holds(value: dict[str, object]) -> None:
    assert json.loads(json_of(value)) == value
