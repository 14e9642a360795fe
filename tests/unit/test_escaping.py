"""What a terminal obeys is shown instead, and JSON keeps its values."""

import json

from hypothesis import given
from hypothesis import strategies as st

from notifier.escaping import escaped, escaped_json, escaped_line
from tests.hostile import OBEYED, TEXT

ANY = st.text(st.characters())  # lone surrogates too


def test_each_is_shown_as_python_writes_it() -> None:
    assert escaped("a\tü\n\x1b\x9b\x7f\r\u202e\u2028\ud800") == r"a" + "\tü\n" + r"\x1b\x9b\x7f\r\u202e\u2028\ud800"
    assert escaped_line("a\tb\nc\x1b") == r"a\tb\nc\x1b"
    assert escaped("наш 日本語 🎵 e\u0301 \u200d") == "наш 日本語 🎵 e\u0301 \u200d"


@given(ANY)
def test_nothing_is_left_that_is_obeyed(text: str) -> None:
    for each in (text, text + TEXT):
        assert not OBEYED.search(escaped(each).replace("\t", ""))
        assert not OBEYED.search(escaped_line(each))
        assert len(escaped_line(each).splitlines()) <= 1
        assert escaped(escaped(each)) == escaped(each)


@given(st.recursive(ANY, lambda inner: st.lists(inner) | st.dictionaries(ANY, inner), max_leaves=5))
def test_a_json_document_keeps_its_values(value: object) -> None:
    document = escaped_json(json.dumps([value, TEXT], ensure_ascii=False, indent=2))
    assert json.loads(document) == [value, TEXT]
    assert not OBEYED.search(document)
