"""Plain text is drawn as it stands: by Discord's rules, by a public reader of its Markdown, by the sandbox's page."""

import re
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.plain_text import code_block, plain
from tests.markdown_readers import Readings, markdown_readers
from tests.unit.render.discord_markdown import as_seen, draw, stripped_of_what_is_not_seen

Read = Callable[[str], Readings]

SAMPLES = [
    *(
        "__init__.py",
        "*args, **kwargs",
        "a || b || c",
        "C:\\new\\_table_",
        "<host>",
        "# comment",
        "## two",
        "### three",
    ),
    *("-# small", "> quoted", ">>> all of it", "- item", "  - inner", "+ item", "* item", "1. first", "  12. twelfth"),
    *("1234567890123456789. many", "`code`", "``a ` b``", "```py\ncode\n```", "````", "~~gone~~", "_it_", "***both***"),
    *("a\r# heading", "a\r\n- item", "a\f\n\f# heading", "\ufeff# heading", "\u200b- item", "\x00> quote", "\u2028# a"),
    *(
        "[text](https://evil.invalid/)",
        "[a](<https://evil.invalid/> 'b')",
        "[text]",
        "![a](https://evil.invalid/b.png)",
    ),
    *("[https://good.invalid](https://evil.invalid)", "[https://good.invalid/](https://evil.invalid/)", "[a]: b"),
    *("<@12345678901234567>", "<@!12345678901234567>", "<@&12345678901234567>", "<#12345678901234567>"),
    *("<:name:12345678901234567>", "<a:name:12345678901234567>", "<t:1700000000:R>", "</command:12345678901234567>"),
    *("<id:customize>", "<12345678901234567:customize>", "<me@mail.invalid>", "<tel:+12345678>", "@everyone", "@here"),
    *("@everyones", "@silent all", ":smile:", ":+1:", ":wave::skin-tone-2:", "12:30:45", "a::b::c", "a\\*b", "\\", "|"),
    *("`", "||spoiler||", "x_y_z", "f(*a)[0]", "\\_\\_", "¯\\_(ツ)_/¯", "| a | b |\n|---|---|", "a *b\nc* d", "👍 _x_"),
]
LINKS = [
    *("https://a.invalid/x_y_z*q?a=[1]&b=_c_", "http://a.invalid/~user/", "https://a.invalid/a_(b)_c"),
    *(
        "http://my_service_1:8080/a_b",
        "http://[::1]:8080/_a_",
        "https://user_1:pa_ss@a.invalid/_x_",
        "http://10.0.0.1/_x_",
    ),
    *(
        "https://a.invalid?_x_=*y*",
        "https://a.invalid/#_x_",
        "https://münchen.invalid/_ß_",
        "http://grafana:3000/d/_1_",
    ),
]
EXACTLY_AROUND = [
    *(
        "see {} and *more*",
        "{}",
        "{}.",
        "({}) ",
        "[{}]",
        "<{}>",
        '"{}"',
        '{"url":"{}","b":"_c_"}',
        "`{}`",
        "||{}||",
        "{}|_x_",
    ),
    *("{}\\_x_", "{}\n# heading", "{}: _x_", "{}, ok", "x\t{}\t_y_", "{}<b>", "{}\x85*x*", "{}\u200b*x*", "'{}'"),
]
AROUND = [
    "**{}**",
    "_{}_",
    "{}:smile:",
    "[label]({})",
    "{}\f*x*",
    "{}';*x*",
    "<a href='{}'>_x_</a>",
    "{}]_x_",
    "{})_x_",
]
"""What may be part of an address is taken as part of it, as Discord does."""
BROKEN_LINKS = [
    *(
        "http://[*a*_b_",
        "https://",
        "http://*a*_b_",
        "https://_a_",
        "HTTPS://a.invalid/_b_",
        "steam://run/_a_",
        "https:///_a_",
    ),
    *(
        "discord://-/_a_",
        "xhttps://a.invalid/_b_",
        "https://https://a.invalid/_b_",
        "http:\f//a.invalid/_b_",
        "ftp://_a_/",
    ),
]
PIECES = st.sampled_from(
    [*SAMPLES, *LINKS, *BROKEN_LINKS, "https://", "http://a", "\n", "\r", "\f", "\t", " ", ".", ">", ")"]
)
MARKS = st.text(st.sampled_from("ab1.*_~`|[]()<>#-+:@/\\ \n'\"!&"), max_size=12)
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
TEXTS = st.lists(PIECES | MARKS | ANY, max_size=8).map("".join)


def assert_drawn_as_it_stands(text: str, *, links: bool = True) -> None:
    drawn = draw(plain(text, links=links), links=links)
    assert (drawn.text, drawn.marks) == (as_seen(text), [])


@pytest.mark.parametrize("text", [*SAMPLES, *BROKEN_LINKS])
def test_each_sample_is_drawn_as_it_stands(text: str) -> None:
    for around in ("{}", "a {} b", "a{}b", "a\n{}\nb", "\n\n  {}"):
        assert_drawn_as_it_stands(around.replace("{}", text))
        assert_drawn_as_it_stands(around.replace("{}", text), links=False)


@given(TEXTS)
def test_any_text_is_drawn_as_it_stands(text: str) -> None:
    assert_drawn_as_it_stands(text)
    assert_drawn_as_it_stands(text, links=False)


@given(TEXTS)
def test_it_is_so_whatever_odd_characters_discord_takes_out(text: str) -> None:
    left = stripped_of_what_is_not_seen(plain(text))
    assert (draw(left).text, draw(left).marks) == (as_seen(stripped_of_what_is_not_seen(text)), [])


@pytest.mark.parametrize("odd", ["\0", "\x1b", "\u200b", "\u202e", "\U000e0041"])
def test_odd_characters_within_a_mark_do_not_hide_it(odd: str) -> None:
    """Discord takes some out, and what is left must not be a mark."""
    for text in [*SAMPLES, *BROKEN_LINKS]:
        for given_text in (odd.join(text), odd + odd.join(text), "a\n" + odd.join(text) + odd):
            left = stripped_of_what_is_not_seen(plain(given_text))
            assert (draw(left).text, draw(left).marks) == (as_seen(stripped_of_what_is_not_seen(given_text)), [])
            assert_drawn_as_it_stands(given_text)
    if odd != "\u200b":  # with which the backticks are kept apart: Discord does not take it out
        assert "```" not in code_block(odd.join("a```b")).replace(odd, "")[3:-3]


@pytest.mark.parametrize("around", [*EXACTLY_AROUND, *AROUND])
def test_a_link_stays_a_link_whatever_stands_around_it(around: str) -> None:
    for link in LINKS:
        text = around.replace("{}", link)
        drawn = draw(plain(text))
        assert (drawn.text, drawn.marks) == (as_seen(text), [])
        (found,) = drawn.links
        assert found.startswith(link)
        if around in EXACTLY_AROUND:
            assert found.removesuffix(")") == link.removesuffix(")")


def test_a_title_that_is_a_link_itself_has_none_in_it() -> None:
    text = "GET https://a.invalid/_x_ failed"
    assert plain(text, links=False) == r"GET https\://a.invalid/\_x\_ failed"


@pytest.mark.parametrize(
    "text",
    [
        "12:30:45",
        "2026-11-28T12:30:45+00:00",
        "-3",
        "2026-11-28 12:30:45,123 ERROR 5 - 3 + 1 > 0 #7",
        "a.b (c) d/e; f=g, h!",
    ],
)
def test_an_ordinary_line_gets_no_escapes(text: str) -> None:
    assert plain(text) == text


@given(TEXTS, st.sampled_from(["", "py", "json"]))
def test_no_text_ends_a_code_block(text: str, language: str) -> None:
    block = code_block(text, language)
    found = re.fullmatch(rf"```{language}\n(?P<code>[^\n][\s\S]*?|\n*)\n```", block)
    assert found, "it is one block"
    assert block.count("```") == 2
    code = found["code"].replace("`\u200b", "`")
    assert code.strip("\n\r\f ") == text.replace("`\u200b", "`").strip("\n\r\f ")


@pytest.mark.parametrize("text", ["```", "````", "`````", "a\n```\n@everyone", "``", "`\u200b``", "", "\n", "```py"])
def test_backticks_stay_in_their_code_block(text: str) -> None:
    block = code_block(text, "py")
    assert block.startswith("```py\n")
    assert block.endswith("\n```")
    assert "```" not in block[3:-3]
    inside = block.removeprefix("```py\n").removesuffix("\n```")
    assert inside.replace("\u200b", "").strip() == text.replace("\u200b", "").strip()


@pytest.fixture(scope="module")
def read(request: pytest.FixtureRequest) -> Iterator[Read]:
    """What other readers draw of a text. They are installed into pytest's cache."""
    if request.config.cache is None:
        pytest.skip("pytest has no cache here, in which the reader is installed")
    with markdown_readers(request.config.cache.mkdir("discord-markdown-parser")) as readings:
        yield readings


class TestOthersDrawIt:
    """A public reader of Discord's Markdown, and the sandbox's page."""

    def test_they_read_markdown(self, read: Read) -> None:
        marks = {name: found[1] for name, found in read("**a** _b_ `c` ||d|| ~~e~~").items()}
        assert marks == {
            "parser": ["strong", "em", "inlineCode", "spoiler", "strikethrough"],
            "sandbox, all": ["strong", "em", "code", "span", "span", "s"],
            "sandbox, title": ["strong", "em", "code", "span", "span", "s"],
        }
        changed = [
            text for text in SAMPLES if any((drawn, []) != (text, marks) for drawn, marks in read(text).values())
        ]
        assert len(changed) > len(SAMPLES) / 2, "the samples are worth escaping"

    def test_each_sample(self, read: Read) -> None:
        for text in [
            *SAMPLES,
            *BROKEN_LINKS,
            *(around.replace("{}", link) for around in [*EXACTLY_AROUND, *AROUND] for link in LINKS),
        ]:
            assert_all_draw_it_as_it_stands(read, text)

    @given(text=TEXTS)
    def test_any_text(self, read: Read, text: str) -> None:
        assert_all_draw_it_as_it_stands(read, text)


def assert_all_draw_it_as_it_stands(read: Read, text: str) -> None:
    assert read(plain(text)) == {
        "parser": (as_seen(text).replace("\t", "    "), []),
        "sandbox, all": (text.replace("\f", ""), []),
        "sandbox, title": (text.replace("\f", ""), []),
    }
