"""What Discord draws of a text, the sandbox's page draws: text on the left, the elements on the right."""

import random
from collections.abc import Iterator

import pytest

from tests.chromium import browser
from tests.conftest import Sandbox
from tests.e2e.page_of_sandbox import Seen

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

DRAW = """([text, place]) => {
  const box = document.createElement("div");
  box.append(...Markdown.draw(text, place));
  const names = { a: ["target", "rel"], pre: ["tabindex", "aria-label"] };
  for (const node of box.querySelectorAll("a, pre")) names[node.localName].forEach(name => node.removeAttribute(name));
  return box.innerHTML;
}"""
SPOILER = '<span class="spoiler" role="button" tabindex="0" aria-label="Spoiler, hidden"><span class="hidden" inert="">'


def link(url: str, text: str | None = None) -> str:
    return f'<a href="{url}">{text or url}</a>'


def heading(level: int, text: str) -> str:
    return f'<div class="heading" role="heading" aria-level="{level + 3}">{text}</div>'


def pill(kind: str, text: str) -> str:
    return f'<span class="mention" data-kind="{kind}">{text}</span>'


X = "https://example.com/x"
TABLE = [
    # emphasis
    ("plain", "plain"),
    ("**bold** *italic* _italic_", "<strong>bold</strong> <em>italic</em> <em>italic</em>"),
    ("__under__ ~~strike~~", "<u>under</u> <s>strike</s>"),
    ("***both***", "<em><strong>both</strong></em>"),
    ("__**a** b__", "<u><strong>a</strong> b</u>"),
    ("**a *b* c**", "<strong>a <em>b</em> c</strong>"),
    ("snake_case_name and __init__.py", "snake_case_name and <u>init</u>.py"),
    ("2 * 3 * 4", "2 * 3 * 4"),
    ("*args, **kwargs", "*args, **kwargs"),
    ("**not closed", "**not closed"),
    (r"\*not\* \_it\_ \\ \a", r"*not* _it_ \ \a"),
    (r"¯\_(ツ)_/¯", r"¯\_(ツ)_/¯"),
    # code
    ("`a *b* c`", "<code>a *b* c</code>"),
    ("``a ` b``", "<code>a ` b</code>"),
    (r"`\*`", r"<code>\*</code>"),
    ("`open", "`open"),
    ("```\na\n  b\n```", "<pre><code>a\n  b</code></pre>"),
    ("```py\na = 1\n```\nafter", '<pre data-language="py"><code>a = 1</code></pre>after'),
    ("```one line```", "<pre><code>one line</code></pre>"),
    ("```**a** <@1>```", "<pre><code>**a** &lt;@1&gt;</code></pre>"),
    ("before```a```", "before<pre><code>a</code></pre>"),
    (
        "```ansi\n\x1b[1;31mred\x1b[0m x\n```",
        '<pre data-language="ansi"><code><span class="ansi-1 ansi-31">red</span> x</code></pre>',
    ),
    ("```\nopen", "```\nopen"),
    # headings, subtext
    ("# one\n## two\n### three", heading(1, "one") + heading(2, "two") + heading(3, "three")),
    ("#### four", "#### four"),
    ("#none\na # b", "#none\na # b"),
    ("# a **b**\ntext", heading(1, "a <strong>b</strong>") + "text"),
    ("-# small\ntext", '<div class="subtext">small</div>text'),
    (r"\# text", "# text"),
    # quotes
    ("> a\n> b\nc", "<blockquote>a\nb</blockquote>c"),
    ("a\n>>> b\nc", "a\n<blockquote>b\nc</blockquote>"),
    (">a\na > b", "&gt;a\na &gt; b"),
    ("> # h\n> - i", f"<blockquote>{heading(1, 'h')}<ul><li>i</li></ul></blockquote>"),
    # lists
    ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
    ("* a\n  - b\n- c", "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>"),
    ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
    ("7. a\ntext", '<ol start="7"><li>a</li></ol>text'),
    ("- a\n  and more\n1. b", "<ul><li>a\nand more</li></ul><ol><li>b</li></ol>"),
    ("-a\n- ", "-a\n- "),
    ("text\n- **a**", "text\n<ul><li><strong>a</strong></li></ul>"),
    # spoilers
    ("||a **b**||", f"{SPOILER}a <strong>b</strong></span></span>"),
    ("a || b", "a || b"),
    # links
    (f"{X}.", link(X) + "."),
    ("https://example.com/a_b_(c))", link("https://example.com/a_b_(c)") + ")"),
    (f"<{X}>", link(X)),
    (f"[a **b**]({X})", link(X, "a <strong>b</strong>")),
    (f'[a]({X} "t")', f'<a title="t" href="{X}">a</a>'),
    (f"[a](<{X}>)", link(X, "a")),
    # a label that is an address is none: all of it is one (useless) address, as in Discord
    ("[https://bank.example](https://evil.example)", "[" + link("https://bank.example](https://evil.example)")),
    ("[a](javascript:alert(1))", "[a](javascript:alert(1))"),
    ("[a](data:text/html,x) [b](x)", "[a](data:text/html,x) [b](x)"),
    ("javascript:alert(1) ftp://x.y", "javascript:alert(1) ftp://x.y"),
    # mentions, emoji, times
    ("<@1> <@!2>", f"{pill('user', '@user-1')} {pill('user', '@user-2')}"),
    ("<@&3> <#4>", f"{pill('role', '@role-3')} {pill('channel', '#4')}"),
    ("@everyone @here @heretic", f"{pill('everyone', '@everyone')} {pill('everyone', '@here')} @heretic"),
    ("</run:12>", pill("command", "/run")),
    ("<:ok:12> <a:go:3>", '<span class="emoji" title=":ok:">:ok:</span> <span class="emoji" title=":go:">:go:</span>'),
    ("<t:99999999999999>", "&lt;t:99999999999999&gt;"),
    ("<t:x> <@x> <host>", "&lt;t:x&gt; &lt;@x&gt; &lt;host&gt;"),
    # hostile
    ("<b>x</b><script>alert(1)</script>", "&lt;b&gt;x&lt;/b&gt;&lt;script&gt;alert(1)&lt;/script&gt;"),
    ('"><img src=x onerror=alert(1)>', '"&gt;&lt;img src=x onerror=alert(1)&gt;'),
]  # fmt: skip
IN_A_TITLE = [
    ("**bold** `code`", "<strong>bold</strong> <code>code</code>"),
    ("# no heading", "# no heading"),
    ("- no list", "- no list"),
    ("<@1> @everyone", "&lt;@1&gt; @everyone"),
    (f"[a]({X})", f"[a]({link(X)})"),
]
LONG = [
    *(each * (4000 // len(each)) for each in ("*", "[", "`", "_*", "||", "> ", "- ", "**a", "(", "[a](", "<t:", "\\")),
    "https://" * 500,
    "~~__**" * 600,
    "\n".join(" " * depth + "- x" for depth in range(80)),
]


@pytest.fixture(scope="module")
def seen(sandbox_process: Sandbox) -> Iterator[Seen]:
    with browser() as running:
        yield Seen(running, sandbox_process.address)


def draw(seen: Seen, text: str, place: str = "all") -> str:
    return str(seen.page.evaluate(DRAW, [text, place]))


@pytest.mark.parametrize(("text", "drawn"), TABLE)
def test_text_is_drawn(seen: Seen, text: str, drawn: str) -> None:
    assert draw(seen, text) == drawn


@pytest.mark.parametrize(("text", "drawn"), IN_A_TITLE)
def test_a_title_has_no_blocks_and_no_mentions(seen: Seen, text: str, drawn: str) -> None:
    assert draw(seen, text, "title") == drawn


@pytest.mark.parametrize(
    ("style", "shown"),
    [
        ("", "November 14, 2023 at 10:13 PM"),
        (":t", "10:13 PM"),
        (":T", "10:13:20 PM"),
        (":d", "11/14/23"),
        (":D", "November 14, 2023"),
        (":F", "Tuesday, November 14, 2023 at 10:13 PM"),
    ],
)
def test_a_timestamp_is_a_time_in_the_readers_words(seen: Seen, style: str, shown: str) -> None:
    drawn = draw(seen, f"<t:1700000000{style}>").replace("\u202f", " ")
    assert drawn.endswith(f">{shown}</time>")
    assert 'datetime="2023-11-14T22:13:20.000Z"' in drawn


def test_a_relative_time_goes_on(seen: Seen) -> None:
    now = "Math.floor(Date.now() / 1000)"
    assert "in 3 hours" in seen.page.evaluate(f"({DRAW})(['<t:' + ({now} + 3 * 3600 + 5) + ':R>', 'all'])")
    changed = seen.page.evaluate(
        """() => {
          const node = Markdown.draw("<t:1700000000:R>")[0];
          document.body.append(node);
          node.dateTime = new Date(Date.now() - 120000).toISOString();
          Markdown.retime();
          node.remove();
          return node.textContent;
        }"""
    )
    assert changed == "2 minutes ago"


ALLOWED = "a b blockquote br code div em li ol pre s span strong time u ul"
KNOWN = "href target rel title class role tabindex aria-label aria-level data-kind data-language data-style datetime"
PIECES = [
    *"*_~|`>#-+[]()<:\\\n@/aé \u202e\x00\"'",
    *(
        "**",
        "__",
        "~~",
        "||",
        "```",
        "```js\n",
        ">>> ",
        "\n> ",
        "\n# ",
        "\n- ",
        "\n-# ",
        "\n1. ",
        "](",
        "https://a.b/c",
    ),
    *("javascript:", "data:text/html,", "<script>", "</script>", "<img src=x onerror=alert(1)>", "&lt;", "<@1>"),
    *("<t:1>", "<:a:1>", "@everyone", "👩\u200d👩\u200d👧"),
]


def test_whatever_the_text_only_these_elements_and_addresses_come_of_it(seen: Seen) -> None:
    chosen = random.Random(11)
    texts = ["".join(chosen.choices(PIECES, k=chosen.randint(1, 40))) for _ in range(3_000)]
    found = seen.page.evaluate(
        """texts => {
          const names = new Set(), attributes = new Set(), addresses = new Set();
          for (const text of texts) {
            const box = document.createElement("div");
            box.append(...Markdown.draw(text));
            for (const node of box.querySelectorAll("*")) {
              names.add(node.localName);
              for (const each of node.attributes) attributes.add(each.name);
              if (node.href) addresses.add(new URL(node.href).protocol);
            }
          }
          return [[...names], [...attributes], [...addresses]];
        }""",
        texts,
    )
    names, attributes, addresses = map(set, found)
    assert names <= set(ALLOWED.split())
    assert attributes <= {*KNOWN.split(), "inert", "start"}
    assert addresses <= {"http:", "https:"}
    assert {"strong", "pre", "blockquote", "ul", "a"} <= names, "the texts are worth drawing"
    assert seen.wrong == []


@pytest.mark.parametrize("text", LONG, ids=lambda text: text[:6])
def test_no_text_holds_the_page_up_or_loses_a_letter(seen: Seen, text: str) -> None:
    assert draw(seen, text)
    assert draw(seen, "after") == "after"
    assert seen.wrong == []
