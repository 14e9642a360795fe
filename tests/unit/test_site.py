"""The pages in docs/ are a site, and each is drawn there as it is meant (its navigation: tests/e2e/test_docs.py)."""

import re
from html import unescape
from pathlib import Path

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config

from scripts.site_pages import MORE, led_to_pages

ROOT = Path(__file__).parents[2]
FENCES = re.compile(r"^ *```", re.MULTILINE)


SOURCES = {page: ROOT / name for name, page in MORE.items()}
SOURCES |= {path.name: path for path in (ROOT / "docs").glob("*.md")}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The main part of each page, as HTML; the build is strict, so no link in it is broken."""
    folder = tmp_path_factory.mktemp("site")
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder)))
    pages = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.html")}
    return {name: text for name, text in pages.items() if name != "404.html"}


def body(html: str) -> str:
    return html.split("<article", 1)[1].split("</article>", 1)[0]


def test_every_page_is_built(site: dict[str, str]) -> None:
    assert set(site) == {name.replace(".md", ".html") for name in SOURCES}


def test_every_block_list_and_table_is_drawn_as_one(site: dict[str, str]) -> None:
    wrong = []
    for name, source in SOURCES.items():
        html = body(site[name.replace(".md", ".html")])
        blocks = len(FENCES.findall(source.read_text(encoding="utf-8"))) // 2
        if html.count("<pre>") != blocks or "```" in html:
            wrong.append(f"{name}: {html.count('<pre>')} blocks of {blocks}: one within a list is indented by four")
        for paragraph in re.findall(r"<p>(.*?)</p>", html, re.DOTALL):
            if found := re.search(r"^ *([-*] |\d+\. |\|).*", unescape(paragraph), re.MULTILINE):
                wrong.append(f"{name}: an empty line is missing before: {found[0][:80]}")
    assert wrong == []


def test_nothing_of_the_site_comes_from_another_server(site: dict[str, str]) -> None:
    loads = re.compile(
        r"<(?:script|img|iframe)[^>]* src=\"?https?:|<link[^>]* rel=\"?(?:stylesheet|preconnect)\"?[^>]*https?:"
    )
    assert {name: found[0] for name, text in site.items() if (found := loads.search(text))} == {}


@pytest.mark.parametrize(
    ("text", "folder", "repo_url", "expected"),
    [
        ("[a](docs/redis.md#x)", "", None, "[a](redis.md#x)"),
        ("[a](redis.md)", "docs", None, "[a](redis.md)"),
        ("[a](../README.md#x) [b](#c)", "docs", None, "[a](index.md#x) [b](#c)"),
        ("[`a.py`](../notifier/a.py)", "docs", None, "`a.py`"),
        ("[`a.py`](../notifier/a.py)", "docs", "https://git.test/x/", "[`a.py`](https://git.test/x/blob/main/notifier/a.py)"),
        ("![a](docs/images/a.png)", "", None, "![a](images/a.png)"),
        ("[a](https://x.test/a)", "docs", None, "[a](https://x.test/a)"),
    ],
)  # fmt: skip
def test_a_link_leads_to_a_page_where_there_is_one(text: str, folder: str, repo_url: str | None, expected: str) -> None:
    assert led_to_pages(text, folder, repo_url) == expected
