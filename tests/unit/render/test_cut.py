"""A cut text is short enough, begins as it began, shows that it was cut, and looks whole."""

import re
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.render.cut import cut, cut_front, take

SYMBOLS = {
    "family": "👩\u200d👩\u200d👧",
    "thumb": "👍🏽",
    "flag": "🇩🇪",
    "flag of England": "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "accent": "e\u0301",
    "heart": "❤\ufe0f",
    "keycap": "1\ufe0f\u20e3",
    "Hangul": "\u1112\u1161\u11ab",
    "Devanagari": "\u0915\u094d\u0937",
    "Bengali": "\u09b8\u09cd\u09a4\u09cd\u09b0\u09c0",
    "end of line": "a\r\nb",
}
WHOLES = {
    "link": "https://one.invalid/a_b?c=d#e",
    "link without preview": "<https://one.invalid/a>",
    "masked link": "[the run](https://one.invalid/run)",
    "masked link with spaces": '[a [b] \\] c](<https://one.invalid/run> "its title")',
    "masked link with brackets": "[run](https://one.invalid/a_(b)_c)",
    "user": "<@123456789012345678>",
    "nickname": "<@!123456789012345678>",
    "role": "<@&123456789012345678>",
    "channel": "<#123456789012345678>",
    "everyone": "@everyone",
    "emoji": "<:party_parrot:123456789012345678>",
    "moving emoji": "<a:party_parrot:123456789012345678>",
    "emoji by name": ":party_parrot:",
    "time": "<t:1618953630:R>",
    "negative time": "<t:-1618953630>",
    "command": "</airhorn sub:816437322781949972>",
    "guide": "<id:customize>",
    "inline code": "`rm -rf /tmp/x`",
    "inline code with a backtick": "``a ` b c``",
    "escape": "\\*",
    "escaped backslash": "\\\\",
    "spoiler": "||the end is near||",
    "bold": "**",
}


@given(st.text(st.sampled_from("ab `\\\n\u0301\u200d🇩👍🏽\r[]()<>|@:"), max_size=60), st.integers(-3, 60))
@settings(deadline=None)
def test_a_cut_is_never_longer_than_asked(text: str, maximum: int) -> None:
    for shortened in (cut(text, maximum), cut_front(text, maximum)):
        assert len(shortened) <= max(maximum, 0)
        if len(text) <= maximum:
            assert shortened == text


@given(st.text(st.sampled_from("ab \n"), min_size=21, max_size=60), st.integers(2, 20))
@settings(deadline=None)
def test_a_cut_begins_as_the_text_and_ends_in_a_mark(text: str, maximum: int) -> None:
    shortened = cut(text, maximum)
    assert text.startswith(shortened.removesuffix("…"))
    assert shortened.endswith("…") or text[: maximum - 1].isspace()


@given(st.text(st.sampled_from("ab \n"), min_size=21, max_size=60), st.integers(2, 20))
@settings(deadline=None)
def test_a_cut_at_the_front_ends_as_the_text_and_begins_with_a_mark(text: str, maximum: int) -> None:
    shortened = cut_front(text, maximum)
    assert text.strip().endswith(shortened.removeprefix("…"))
    assert shortened.startswith("…") or shortened == text.strip()


@pytest.mark.parametrize("symbol", SYMBOLS.values(), ids=SYMBOLS)
def test_no_symbol_is_split(symbol: str) -> None:
    text = symbol * 10
    if "\r\n" in symbol:  # what is around it may be cut off
        text, symbol = text.replace("a", "").replace("b", ""), "\r\n"
    for maximum in range(1, len(text)):
        kept = cut(text, maximum).removesuffix("…")
        assert kept.strip() == (symbol * (len(kept) // len(symbol))).strip()
        kept = cut_front(text, maximum).removeprefix("…")
        assert kept.strip() == (symbol * (len(kept) // len(symbol))).strip()


@pytest.mark.parametrize("whole", WHOLES.values(), ids=WHOLES)
def test_what_is_drawn_as_one_thing_is_not_cut(whole: str) -> None:
    text = f"{'x' * 60}{'' if whole == ':party_parrot:' else ' '}{whole} {'y' * 60}"
    for maximum in range(len(whole) + 2, len(text)):
        for part in (cut(text, maximum), cut_front(text, maximum), *parts(text, maximum)):
            assert part.replace(whole, "").strip("xy… ") == "", maximum


def parts(text: str, maximum: int) -> list[str]:
    """All that ``take`` makes of a text."""
    found = []
    while text:
        part, text = take(text, maximum)
        found.append(part)
    return found


def test_a_link_that_no_part_holds_is_cut_all_the_same() -> None:
    link = "https://one.invalid/" + "x" * 300
    assert "".join(parts(link, 100)) == link
    assert all(len(part) == 100 for part in parts(link, 100)[:-1])


def test_text_that_is_one_endless_symbol_is_split_all_the_same() -> None:
    endless = "e" + "\u0301" * 500
    assert len(cut(endless, 100)) > 60
    assert "".join(parts(endless, 100)) == endless


BLOCK = "log:\n```python\nprint(1)\nprint(2)\nprint(3)\n```\nafter"


@pytest.mark.parametrize("maximum", range(1, 40))
def test_a_code_block_is_closed(maximum: int) -> None:
    for shortened in (cut(BLOCK, maximum), cut_front(BLOCK, maximum)):
        assert shortened.count("```") % 2 == 0
        assert "`" not in shortened.replace("```", "")
        assert len(shortened) <= maximum


def test_of_a_code_block_one_character_is_room_enough() -> None:
    assert take("```\nabcdefgh\n```", 9) == ("```\na\n```", "```\nbcdefgh\n```")


def test_the_cut_is_marked_inside_the_code_block() -> None:
    assert cut("```\nline one\nline two\n```", 18) == "```\nline one…\n```"
    assert cut_front("```py\nline one\nline two\nline three\n```", 33) == "```py\n…\nline two\nline three\n```"


@pytest.mark.parametrize("maximum", range(1, 11))
def test_where_no_text_of_a_code_block_fits_there_is_no_mark_either(maximum: int) -> None:
    assert cut_front(f"```\n{'x' * 20}\n```", maximum) == ""


def test_a_code_block_goes_on_with_its_language() -> None:
    assert parts("```py\n" + "    a = 1\n" * 4 + "```\nafter", 31) == [
        "```py\n    a = 1\n    a = 1\n```",
        "```py\n    a = 1\n    a = 1\n```",
        "after",
    ]


def test_what_is_in_a_code_block_is_no_link_and_what_nothing_closes_is_no_code_block() -> None:
    assert parts("```\n[a](http://b.invalid/ccccccccc)\n```", 20)[0] == "```\n[a](http://b\n```"
    assert parts("``` a b c d e f", 10) == ["``` a b c", "d e f"]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("one two\n\nthree four\nfive six", "one two"),
        ("one\n\ntwo three\nfour five six", "one\n\ntwo three"),
        ("one\r\ntwo\r\nthree four", "one\r\ntwo"),
        ("one\r\n\r\ntwo\r\nthree four", "one\r\n\r\ntwo"),
        ("one two\r\n\r\nthree\r\nfour", "one two"),
        ("one two three four five six", "one two three"),
        ("onetwothreefourfivesix", "onetwothreefou"),
    ],
    ids=["paragraph", "line", "line of CR LF", "second line of CR LF", "paragraph of CR LF", "word", "symbol"],
)
def test_a_text_is_split_at_a_paragraph_a_line_a_word_or_a_symbol(text: str, first: str) -> None:
    assert take(text, 14)[0] == first


PIECES = (*SYMBOLS.values(), *WHOLES.values(), "a", "word ", "\n", "\n\n", "```py\nx = 1\n  y\n```\n", "`", "```", "\\")


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join), st.integers(60, 200))
@settings(deadline=None)
def test_the_parts_of_a_text_hold_all_of_it_in_order(text: str, maximum: int) -> None:
    found = parts(text, maximum)
    assert [part for part in found if len(part) > maximum] == []
    without_fences = [re.sub(r"`+(?:py\b)?", "", each) for each in ("\n".join(found), text)]
    assert "".join(without_fences[0].split()) == "".join(without_fences[1].split())


@given(st.lists(st.sampled_from([*WHOLES.values(), *SYMBOLS.values()]), min_size=20, max_size=40), st.integers(60, 200))
@settings(deadline=None)
def test_what_is_drawn_as_one_thing_is_whole_in_one_of_the_parts(wholes: list[str], maximum: int) -> None:
    never_whole = ("\\*", "\\\\", "**", SYMBOLS["end of line"])
    wholes = [whole for whole in wholes if whole.strip() == whole and whole not in never_whole]
    found = parts(" ".join(wholes), maximum)
    assert sum(len(part) for part in found) == sum(map(len, wholes)) + len(wholes) - len(found)


@pytest.mark.parametrize(
    "piece",
    [
        "[",
        "`",
        "``` ",
        "` `` ",
        "\\",
        "<",
        "||",
        "|| ",
        "[a](",
        "<t:1",
        "https://a",
        ":a",
        "(",
        "e\u0301",
        "\u1112\u1161",
    ],
)
def test_a_hostile_text_takes_no_longer_than_others(piece: str) -> None:
    def seconds(text: str) -> float:
        began = time.process_time()
        cut(text, 4_096), cut_front(text, 4_096), take(text, 4_096)
        return time.process_time() - began

    text = piece * (300_000 // len(piece))
    assert seconds(text) < 200 * seconds("Ein ganz gewöhnlicher Satz, immer wieder. " * 5_000)


def test_ascii_needs_no_table_of_unicode() -> None:
    code = (
        "from notifier.render.cut import cut; cut('a b\\n' * 9000, 4096); import sys; assert 'regex' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
