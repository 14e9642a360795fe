"""A cut text is short enough, begins as it began, shows that it was cut, and looks whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.render.cut import cut

FAMILY = "👩\u200d👩\u200d👧"
THUMB = "👍🏽"
FLAG = "🇩🇪"
ACCENT = "e\u0301"
HEART = "❤\ufe0f"


@given(st.text(st.sampled_from("ab `\n\u0301\u200d🇩👍🏽"), max_size=60), st.integers(-3, 60))
def test_a_cut_is_never_longer_than_asked(text: str, maximum: int) -> None:
    shortened = cut(text, maximum)
    assert len(shortened) <= max(maximum, 0)
    if len(text) <= maximum:
        assert shortened == text


@given(st.text(st.sampled_from("ab \n"), min_size=21, max_size=60), st.integers(2, 20))
def test_a_cut_begins_as_the_text_and_ends_in_a_mark(text: str, maximum: int) -> None:
    shortened = cut(text, maximum)
    assert text.startswith(shortened.removesuffix("…"))
    assert shortened.endswith("…") or text[: maximum - 1].isspace()


@pytest.mark.parametrize(
    "symbol", [FAMILY, THUMB, FLAG, ACCENT, HEART], ids=["family", "thumb", "flag", "accent", "heart"]
)
def test_no_symbol_is_split(symbol: str) -> None:
    text = symbol * 10
    for maximum in range(1, len(text)):
        kept = cut(text, maximum).removesuffix("…")
        assert kept == symbol * (len(kept) // len(symbol))


def test_text_that_is_one_endless_symbol_is_split_all_the_same() -> None:
    endless = "e" + "\u0301" * 500
    assert len(cut(endless, 100)) > 60


@pytest.mark.parametrize("maximum", range(1, 40))
def test_a_code_block_is_closed(maximum: int) -> None:
    text = "log:\n```python\nprint(1)\nprint(2)\nprint(3)\n```\nafter"
    shortened = cut(text, maximum)
    assert shortened.count("```") % 2 == 0
    assert "`" not in shortened.replace("```", "")
    assert len(shortened) <= maximum


def test_the_cut_is_marked_inside_the_code_block() -> None:
    assert cut("```\nline one\nline two\n```", 18) == "```\nline one…\n```"
